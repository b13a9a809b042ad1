"""Tests of NVIDIA's daemons: their start, their life beyond the pod, their restart, and their end."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.machines.node_host import H100_SWITCH, Node
from tests.support.machines.node_image import make_image
from tests.support.machines.node_processes import (
    daemon_program,
    end_daemons,
    is_alive,
    pid_in,
    running,
    stop,
    two_polls_later,
    until,
    waiting,
)

PERSISTENCED, FABRIC_MANAGER = NAMES = ("nvidia-persistenced", "nv-fabricmanager")


@pytest.fixture
def daemons(node: Node) -> Iterator[Node]:
    """Return a node with a GPU and an NVSwitch whose image has the daemons for both; its processes are real ones."""
    make_image(node, programs=dict.fromkeys(NAMES, daemon_program()))
    node.add_to_bus("0000:05:00.0", H100_SWITCH, "068000")
    node.environment.update(LOG=str(node.folder), POLL_SECONDS="0.2", PROC_ROOT="/proc", DAEMON_STOP_SECONDS="1")
    yield node
    end_daemons(node)


@pytest.fixture
def installed(daemons: Node) -> Node:
    """Return the same node with the driver installed, and the daemons started by that."""
    daemons.installs()
    return daemons


def pid_of(node: Node, name: str) -> int:
    """Return the process id that a daemon has written; 0 if it has not run yet."""
    return pid_in(node.folder / f"{name}.pid")


def test_install_starts_the_daemons_and_they_outlive_it(installed: Node) -> None:
    assert all(is_alive(until(lambda name=name: pid_of(installed, name))) for name in NAMES)  # type: ignore[misc]


def test_a_daemon_holds_neither_the_lock_nor_the_terminal(installed: Node) -> None:
    until(lambda: pid_of(installed, FABRIC_MANAGER))
    found = (installed.folder / f"{FABRIC_MANAGER}.descriptors").read_text().splitlines()
    assert str(installed.host / "run/nvidia") not in found
    assert found[:2] == ["/dev/null", str(installed.host / f"run/nvidia/{FABRIC_MANAGER}.log")]


@pytest.mark.parametrize(
    ("files", "left"),
    [
        (["cgroup.controllers", "cgroup.procs", "system.slice/cgroup.procs"], ["cgroup.procs"]),
        (
            ["memory/cgroup.procs", "pids/cgroup.procs", "memory/kubepods/cgroup.procs"],
            ["memory/cgroup.procs", "pids/cgroup.procs"],
        ),
    ],
    ids=["version 2", "version 1"],
)
def test_a_daemon_leaves_the_containers_control_group(daemons: Node, files: list[str], left: list[str]) -> None:
    root = daemons.sysfs / "fs/cgroup"
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    daemons.installs()
    assert [file for file in files if (root / file).read_text()] == left


def test_the_daemons_outlive_wait(installed: Node) -> None:
    pids = [until(lambda name=name: pid_of(installed, name)) for name in NAMES]  # type: ignore[misc]
    with waiting(installed) as process:
        stop(process)
    assert all(is_alive(pid) for pid in pids)


def test_a_new_wait_leaves_the_daemons_as_they_are(installed: Node) -> None:
    pids = [until(lambda name=name: pid_of(installed, name)) for name in NAMES]  # type: ignore[misc]
    with waiting(installed) as process:
        assert "starting" not in stop(process)
    assert [pid_of(installed, name) for name in NAMES] == pids


def test_uninstall_ends_the_daemons(installed: Node) -> None:
    pids = [until(lambda name=name: pid_of(installed, name)) for name in NAMES]  # type: ignore[misc]
    assert installed.run("uninstall").returncode == 0
    assert not any(is_alive(pid) for pid in pids)
    assert not (installed.host / "run/nvidia").exists()


def test_the_driver_is_not_ready_while_the_fabric_manager_is_down(installed: Node) -> None:
    os.kill(until(lambda: pid_of(installed, FABRIC_MANAGER)), signal.SIGKILL)
    until(lambda: not is_alive(pid_of(installed, FABRIC_MANAGER)))
    done = installed.run("status")
    assert done.returncode == 30
    assert done.stdout.endswith("ready: false\nproblem: the fabric manager does not run\n")


def test_the_driver_is_ready_without_the_persistence_daemon(installed: Node) -> None:
    os.kill(until(lambda: pid_of(installed, PERSISTENCED)), signal.SIGKILL)
    until(lambda: not is_alive(pid_of(installed, PERSISTENCED)))
    assert "persistence daemon: stopped\n" in installed.run("status").stdout
    assert installed.run("status", "--quiet").returncode == 0


def test_a_daemon_that_dies_is_started_again(installed: Node) -> None:
    first = until(lambda: pid_of(installed, FABRIC_MANAGER))
    with waiting(installed) as process:
        os.kill(first, signal.SIGKILL)
        second = until(lambda: (pid := pid_of(installed, FABRIC_MANAGER)) != first and pid)
        assert is_alive(second)
        until(lambda: installed.run("status", "--quiet").returncode == 0)
        said = stop(process)
    assert "nvidia-installer: starting nv-fabricmanager\nnvidia-installer: | fabric manager at work\n" in said


def test_a_daemon_that_dies_again_and_again_is_started_less_and_less_often(installed: Node) -> None:
    (installed.folder / "fail").touch()
    os.kill(until(lambda: pid_of(installed, FABRIC_MANAGER)), signal.SIGKILL)
    with running(installed, "wait") as process:
        assert process.stderr
        until(lambda: "fabric manager at work" in process.stderr.readline())  # type: ignore[union-attr]
        said = stop(process)
    assert said.count("starting nv-fabricmanager") == 0
    assert not (installed.host / "run/nvidia/nvidia-installer.ready").exists()


def test_a_fabric_manager_that_ends_at_once_fails_the_installation(daemons: Node) -> None:
    (daemons.folder / "fail").touch()
    done = daemons.run("install")
    assert done.returncode == 27
    assert done.stderr.endswith(
        "nvidia-installer: | fabric manager at work\nnvidia-installer: the fabric manager ended; see its output above\n"
    )
    assert daemons.run("status", "--quiet").returncode == 30


def test_a_process_of_the_same_name_is_no_daemon_of_ours(daemons: Node) -> None:
    other = daemons.folder / "other" / FABRIC_MANAGER
    other.parent.mkdir()
    other.write_bytes(daemon_program())
    other.chmod(0o755)
    (daemons.folder / "log").mkdir()
    # Not in the mounts of process 1: a program of the host counts.
    command = [*(["unshare", "--mount"] if os.geteuid() == 0 else []), str(other)]
    with subprocess.Popen(command, env={"LOG": str(daemons.folder / "log"), "LD_LIBRARY_PATH": ""}) as process:
        daemons.installs()
        assert pid_of(daemons, FABRIC_MANAGER) not in {0, process.pid}
        assert daemons.run("uninstall").returncode == 0
        assert process.poll() is None
        process.kill()


def run_on_the_host(node: Node, namespace: str) -> None:
    """Pretend that a package of the host runs a fabric manager, in the mounts of process 1 or of another one."""
    node.add_to_bus("0000:05:00.0", H100_SWITCH, "068000")
    node.add_process(77, FABRIC_MANAGER[:15])
    for pid in (1, 2):
        (node.proc / f"{pid}/ns").mkdir(parents=True)
        (node.proc / f"{pid}/ns/mnt").touch()
    (node.proc / "77/ns").mkdir()
    (node.proc / "77/ns/mnt").hardlink_to(node.proc / namespace)


def test_a_fabric_manager_of_the_hosts_own_package_counts(node: Node) -> None:
    run_on_the_host(node, "1/ns/mnt")
    node.installs()
    assert node.run("status", "--quiet").returncode == 0


def test_a_fabric_manager_of_a_container_does_not_count(node: Node) -> None:
    run_on_the_host(node, "2/ns/mnt")
    node.installs()
    assert node.run("status").stdout.endswith("problem: the image has no fabric manager, which this node needs\n")


def test_wait_does_not_install_again_for_a_missing_program(node: Node) -> None:
    run_on_the_host(node, "2/ns/mnt")
    node.installs()
    with waiting(node) as process:
        two_polls_later(process)
        assert "installed again" not in stop(process)


def test_an_upgrade_ends_the_old_drivers_daemons(installed: Node) -> None:
    pid = until(lambda: pid_of(installed, PERSISTENCED))
    installed.environment["KERNEL_MODULE_TYPE"] = "open"
    installed.installs()
    assert not is_alive(pid)
    assert is_alive(until(lambda: pid_of(installed, PERSISTENCED)))


def test_a_refused_upgrade_keeps_the_old_drivers_daemons(installed: Node) -> None:
    pids = [until(lambda name=name: pid_of(installed, name)) for name in NAMES]  # type: ignore[misc]
    installed.environment["KERNEL_MODULE_TYPE"] = "open"
    installed.stub("rmmod", 'echo "rmmod: ERROR: Module $1 is in use" >&2; exit 1')
    assert installed.run("install").returncode == 21
    assert installed.run("status", "--quiet").returncode == 0
    assert all(is_alive(until(lambda name=name: pid_of(installed, name))) for name in NAMES)  # type: ignore[misc]
    assert pids


def test_a_daemon_that_ignores_the_signal_is_killed_and_named(installed: Node) -> None:
    end_daemons(installed)
    (installed.folder / "stubborn").touch()
    installed.installs()
    pid = pid_of(installed, FABRIC_MANAGER)
    done = installed.run("uninstall")
    assert done.returncode == 0
    assert f"process {pid} ({FABRIC_MANAGER}) does not end within 1 seconds, and is killed\n" in done.stderr
    assert not is_alive(pid)


def test_the_fabric_manager_runs_in_the_foreground_and_logs_to_its_output(installed: Node) -> None:
    configuration = installed.host / "run/nvidia/fabricmanager.cfg"
    assert configuration.read_text() == "DAEMONIZE=0\nLOG_FILE_NAME=\n"
    words = until(lambda: (installed.folder / FABRIC_MANAGER).read_text().split())
    assert words[:2] == ["-c", str(configuration)]


def test_status_sees_the_daemons_that_run(installed: Node) -> None:
    until(lambda: pid_of(installed, PERSISTENCED))
    assert "persistence daemon: running\nfabric manager: running\n" in installed.run("status").stdout


def test_daemons_that_are_switched_off_do_not_run(daemons: Node) -> None:
    daemons.environment.update(PERSISTENCE="off", FABRIC_MANAGER="off")
    assert "starting" not in daemons.installs()
    assert daemons.run("status", "--quiet").returncode == 0
