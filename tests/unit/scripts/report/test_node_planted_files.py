"""Tests of what other programs put in the way of the installer's files: links, FIFOs, sockets, folders, locks."""

import fcntl
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.machines.node_host import Node, uninstalls
from tests.support.machines.node_processes import running, stop, until, waiting
from tests.support.machines.node_report import FAILURE, FEATURES, METRICS, features, metrics, on

READY = "/run/nvidia/nvidia-installer.ready"
LIBRARIES = "/etc/ld.so.conf.d/nvidia-installer.conf"
NOUVEAU = "/etc/modprobe.d/nvidia-installer-nouveau.conf"
FOLDERS = (
    "/run/nvidia/validations",
    *(str(Path(path).parent) for path in (METRICS, FEATURES, READY, LIBRARIES, NOUVEAU)),
)


def victim(node: Node) -> Path:
    return node.folder / "victim"


def plant_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(path.parent)  # the path of a socket is short
        server.bind(path.name)


def plant_huge_file(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


def plant_link_to_fifo(node: Node, path: Path) -> None:
    fifo = node.folder / "fifo"
    if not fifo.exists():
        os.mkfifo(fifo)
    path.symlink_to(fifo)


PLANTS: dict[str, Callable[[Node, Path], object]] = {
    "link": lambda n, path: path.symlink_to(victim(n)),
    "relative link": lambda n, path: path.symlink_to(os.path.relpath(victim(n), path.parent)),
    "dangling link": lambda n, path: path.symlink_to(n.folder / "none"),
    "link to a FIFO": plant_link_to_fifo,
    "leftover of a killed run": lambda _, path: path.write_text("half"),
    "FIFO": lambda _, path: os.mkfifo(path),
    "socket": lambda _, path: plant_socket(path),
    "huge file": lambda _, path: plant_huge_file(path),
}


@pytest.fixture
def planted(reporting: Node, request: pytest.FixtureRequest) -> Iterator[tuple[Node, Callable[[str], Path]]]:
    """Return a node whose kernel has nouveau, and a function that plants something at a path on the host."""
    victim(reporting).write_text("theirs\n")
    (reporting.sysfs / "module/nouveau/holders").mkdir(parents=True)
    (reporting.sysfs / "module/nouveau/refcnt").write_text("0\n")
    before = Path.cwd()

    def plant(name: str) -> Path:
        path = on(reporting, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        PLANTS[request.param](reporting, path)
        return path

    yield reporting, plant
    os.chdir(before)
    assert victim(reporting).read_text() == "theirs\n"
    assert not (reporting.folder / "none").exists()


every_plant = pytest.mark.parametrize("planted", PLANTS, indirect=True)


@every_plant
def test_a_planted_target_is_replaced_by_a_file(planted: tuple[Node, Callable[[str], Path]]) -> None:
    node, plant = planted
    paths = [plant(name) for name in (METRICS, FEATURES, READY, LIBRARIES, NOUVEAU)]
    node.installs()
    assert all(path.is_file() and not path.is_symlink() and path.stat().st_size < 9999 for path in paths)
    assert (metrics(node)["ready"], features(node)["state"]) == (1, "ready")


@every_plant
@pytest.mark.parametrize("name", [".nvidia-installer", ".nvidia-installer.0123"])
def test_a_planted_temporary_name_is_removed_and_not_used(
    planted: tuple[Node, Callable[[str], Path]], name: str
) -> None:
    node, plant = planted
    paths = [plant(f"{folder}/{name}") for folder in FOLDERS]
    node.installs()
    assert [path for path in paths if os.path.lexists(path)] == []


@pytest.mark.parametrize("name", [".nvidia-installer", ".nvidia-installer.0123"])
def test_leftovers_of_killed_runs_are_removed_by_uninstall(reporting: Node, name: str) -> None:
    reporting.installs()
    (reporting.host / "precious").touch()
    left = [on(reporting, f"{folder}/{name}") for folder in FOLDERS]
    for path in left:
        path.symlink_to(reporting.host / "precious")
    uninstalls(reporting)
    assert [path for path in left if os.path.lexists(path)] == []
    assert (reporting.host / "precious").exists()


def test_a_folder_at_a_temporary_name_is_left_alone(reporting: Node) -> None:
    folders = [on(reporting, f"{folder}/.nvidia-installer") for folder in FOLDERS]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "file").touch()
    reporting.installs()
    uninstalls(reporting)
    assert all((folder / "file").exists() for folder in folders)


def test_a_folder_in_place_of_a_report_is_named_and_left_without_leftovers(reporting: Node) -> None:
    on(reporting, METRICS).mkdir(parents=True)
    assert f"METRICS_FILE={METRICS} is not up to date" in reporting.installs()
    assert [path.name for path in on(reporting, METRICS).parent.iterdir()] == [Path(METRICS).name]
    assert features(reporting)["state"] == "ready"


def test_a_link_in_place_of_the_metrics_is_not_read_as_old_metrics(reporting: Node) -> None:
    theirs = reporting.folder / "theirs"
    theirs.write_text("\nnvidia_installer_install_seconds 4711\n")
    on(reporting, METRICS).parent.mkdir(parents=True)
    on(reporting, METRICS).symlink_to(theirs)
    reporting.environment["KERNEL"] = "6.6.1"
    assert reporting.run("install").returncode == 10
    assert "install_seconds" not in metrics(reporting)


def test_a_link_in_place_of_a_new_folders_mark_is_not_followed(reporting: Node) -> None:
    victim(reporting).write_text("theirs\n")
    link = f'ln -s {victim(reporting)} "$2/.nvidia-installer-made"'
    reporting.stub("mkdir", f'mkdir "$@"; case $2 in */var) {link} ;; esac')
    reporting.run("install")
    assert victim(reporting).read_text() == "theirs\n"


@pytest.mark.parametrize("command", [("install",), ("status",), ("wait", "--once", "--timeout", "1"), ("uninstall",)])
def test_no_command_blocks_at_a_fifo(reporting: Node, command: tuple[str, ...]) -> None:
    reporting.installs()
    for name in (METRICS, FEATURES, READY, LIBRARIES, FAILURE):
        on(reporting, name).unlink(missing_ok=True)
        os.mkfifo(on(reporting, name))
    assert reporting.run(*command).returncode == {"install": 0, "status": 30, "wait": 31, "uninstall": 0}[command[0]]


def test_the_temporary_name_is_another_one_each_time(reporting: Node) -> None:
    reporting.stub("mv", 'exec mv "$@"')
    reporting.installs()
    names = re.findall(r"/\.nvidia-installer\.([0-9a-f-]{36}) ", "\n".join(reporting.calls("mv")))
    assert (
        len(set(names)) == len(names) == len([call for call in reporting.calls("mv") if "/.nvidia-installer" in call])
    )


def test_a_temporary_file_that_another_run_removes_is_written_again(reporting: Node) -> None:
    mark = reporting.folder / "mark"
    reporting.stub("mv", f'case $3 in */run/*) [ -e {mark} ] || {{ : >{mark}; rm -- "$3"; }} ;; esac; exec mv "$@"')
    reporting.installs()
    assert mark.exists()
    assert reporting.run("status", "--quiet").returncode == 0


def test_a_signal_ends_an_installation_that_waits_for_the_lock_of_a_folder(reporting: Node) -> None:
    reporting.installs()
    reporting.stub("flock", 'case $1 in --timeout) [ "$2" = 1 ] || exec sleep 600 ;; esac; exec flock "$@"')
    with running(reporting, "install") as process:
        until(lambda: [call for call in reporting.calls("flock") if call.startswith("--timeout")])
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143


def test_a_lock_that_another_program_holds_for_ever_delays_no_report(reporting: Node) -> None:
    reporting.environment["FEATURES_FILE"] = ""
    on(reporting, METRICS).parent.mkdir(parents=True)
    descriptor = os.open(on(reporting, METRICS).parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        reporting.stub("flock", 'case $1 in --timeout) shift 2; set -- --timeout 0.1 "$@" ;; esac; exec flock "$@"')
        reporting.installs()
        assert all(call.startswith(("--timeout 5 ", "--wait 5 ", "--nonblock")) for call in reporting.calls("flock"))
        with waiting(reporting) as process:
            stop(process)
    finally:
        os.close(descriptor)
    assert metrics(reporting)["ready"] == 1
