"""`nvidia-installer wait`: until the driver is ready, and then with its daemons until a signal comes."""

import os
import signal
import subprocess
from functools import partial

import pytest

from tests.support.machines.node_host import H100_SWITCH, NAME, Node
from tests.support.machines.node_image import make_image
from tests.support.machines.node_processes import FABRIC_MANAGER, PERSISTENCED, is_alive, pid_in, running, stop, until


@pytest.fixture
def daemons(node: Node) -> Node:
    """Return a node with a GPU and an NVSwitch whose image has the daemons for both; its processes are real ones."""
    make_image(node, programs={"nvidia-persistenced": PERSISTENCED, "nv-fabricmanager": FABRIC_MANAGER})
    node.add_to_bus("0000:05:00.0", H100_SWITCH, "068000")
    # The installer knows its daemons by this path: nobody else's on this machine may have it.
    node.environment.update(INSTALL_ROOT=f"/opt/{node.folder.name}-{os.getpid()}", LOG=str(node.folder))
    node.installs()
    # Every look goes through all processes of this machine.
    node.environment.update(PROC_ROOT="/proc", POLL_SECONDS="0.2")
    return node


def test_once_it_ends_when_the_driver_is_ready(node: Node) -> None:
    node.installs()
    done = node.run("wait", "--once")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"nvidia-installer: driver {NAME} is ready\n"


def test_it_waits_for_an_installation_that_comes_later(node: Node) -> None:
    with running(node, "wait", "--once") as process:
        node.installs()
        assert process.wait(timeout=30) == 0


def test_it_gives_up_after_the_time_that_it_was_given(node: Node) -> None:
    done = node.run("wait", "--timeout", "0001")
    assert done.returncode == 31
    assert done.stderr.endswith(": the driver is not ready after 1 seconds (installed: none, loaded: none)\n")


@pytest.mark.parametrize("arguments", [["--timeout"], ["--timeout", "soon"], ["--now"]])
def test_wrong_arguments_are_a_usage_error(node: Node, arguments: list[str]) -> None:
    assert node.run("wait", *arguments).returncode == 2


def test_a_signal_ends_the_waiting(node: Node) -> None:
    with running(node, "wait") as process:
        assert process.stderr
        assert process.stderr.readline() == "nvidia-installer: waiting for the driver to become ready\n"
        stop(process)


def test_a_signal_ends_it_at_once_however_long_it_sleeps(node: Node) -> None:
    node.installs()
    node.environment["POLL_SECONDS"] = "60"
    with running(node, "wait") as process:
        assert process.stderr
        assert process.stderr.readline() == f"nvidia-installer: driver {NAME} is ready\n"
        stop(process)


def test_it_notices_that_the_driver_has_gone(node: Node) -> None:
    node.installs()
    with running(node, "wait") as process:
        assert process.stderr
        process.stderr.readline()
        (node.sysfs / "module/nvidia").rename(node.folder / "gone")
        said = process.communicate(timeout=30)[1]
    assert (process.returncode, said) == (32, "nvidia-installer: the driver is no longer loaded; install it again\n")


def test_an_uninstall_beside_it_is_let_end_first(node: Node) -> None:
    node.installs()
    hold = node.folder / "hold"
    hold.touch()
    node.stub("rmdir", f'while [ -e {hold} ]; do sleep 0.02; done; exec rmdir "$@"')
    node.stub("flock", 'exec flock "$@"')
    with running(node, "wait") as process, running(node, "uninstall") as uninstall:
        # Whoever is at work takes the lock at once or not at all; who lets others end waits for it.
        until(lambda: any("--nonblock" not in call for call in node.calls("flock")))
        assert (process.poll(), uninstall.poll()) == (None, None)
        hold.unlink()
        assert uninstall.wait(timeout=30) == 0
        assert process.wait(timeout=30) == 32


def test_the_daemons_run_until_the_signal_and_not_longer(daemons: Node) -> None:
    with running(daemons, "wait") as process:
        pids = [until(partial(pid_in, daemons.folder / f"{file}.pid")) for file in ("persistenced", "fabricmanager")]
        said = stop(process)
    assert "nvidia-installer: starting nvidia-persistenced\n" in said
    assert "nvidia-installer: | fabric manager at work\n" in said
    assert not any(is_alive(pid) for pid in pids)


def test_a_daemon_that_dies_is_started_again(daemons: Node) -> None:
    with running(daemons, "wait") as process:
        first = until(lambda: pid_in(daemons.folder / "fabricmanager.pid"))
        subprocess.run(["kill", "-KILL", str(first)], check=True)
        second = until(lambda: (pid := pid_in(daemons.folder / "fabricmanager.pid")) != first and pid)
        assert is_alive(second)
        stop(process)


def test_the_fabric_manager_runs_in_the_foreground_and_logs_to_the_container(daemons: Node) -> None:
    with running(daemons, "wait") as process:
        file = daemons.folder / "fabricmanager.cfg"
        assert until(lambda: file.exists() and file.read_text()) == "DAEMONIZE=0\nLOG_FILE_NAME=\n"
        stop(process)


def test_status_sees_the_daemons_that_run(daemons: Node) -> None:
    with running(daemons, "wait") as process:
        until(lambda: pid_in(daemons.folder / "persistenced.pid") and pid_in(daemons.folder / "fabricmanager.pid"))
        assert "persistence daemon: running\nfabric manager: running\n" in daemons.run("status").stdout
        stop(process)


def test_an_upgrade_stops_our_daemons_before_it_unloads(daemons: Node) -> None:
    with running(daemons, "wait") as process:
        pid = until(lambda: pid_in(daemons.folder / "persistenced.pid"))
        process.send_signal(signal.SIGSTOP)  # or it would start them again
        daemons.environment["KERNEL_MODULE_TYPE"] = "open"
        daemons.installs()
        assert not is_alive(pid)


def test_daemons_that_are_not_wanted_do_not_run(daemons: Node) -> None:
    daemons.environment.update(PERSISTENCE="off", FABRIC_MANAGER="off")
    with running(daemons, "wait") as process:
        assert process.stderr
        process.stderr.readline()
        said = stop(process)
    assert "starting" not in said
