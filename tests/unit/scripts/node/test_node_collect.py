"""Tests of `nvidia-installer collect`: where it writes, and nodes on which some or all of it fails."""

import fcntl
import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.support.machines.node_collect import collect, report, temporary, unpack
from tests.support.machines.node_host import NAME, NODE, Node
from tests.support.machines.node_image import make_image
from tests.support.machines.node_processes import running, until


def test_nothing_on_the_host_changes(complete: Node) -> None:
    before = complete.stat()
    report(complete)
    assert complete.stat() == before


def test_only_its_owner_can_read_the_file(node: Node) -> None:
    file = node.folder / "report.tar.zst"
    assert collect(node, str(file)).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_is_written_that_did_not_exist(complete: Node) -> None:
    file = complete.folder / "report.tar.zst"
    done = collect(complete, str(file))
    assert (done.returncode, done.stdout) == (0, b"")
    assert "status.json" in unpack(file.read_bytes(), complete.folder / "report")


@pytest.mark.parametrize("kind", ["file", "folder", "fifo", "link"])
def test_nothing_is_overwritten(node: Node, kind: str) -> None:
    path = node.folder / "report.tar.zst"
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(node.folder / "elsewhere")
    done = collect(node, str(path))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (f"nvidia-installer: {path} exists; name a new file; see nvidia-installer --help\n")
    assert not (node.folder / "elsewhere").exists()
    assert kind != "file" or path.read_text() == "mine"


def test_a_file_in_a_missing_folder_is_a_usage_error(node: Node) -> None:
    done = collect(node, "/nonexistent/report.tar.zst")
    assert done.returncode == 2
    assert b"cannot create /nonexistent/report.tar.zst; name a file in a writable folder" in done.stderr


@pytest.mark.parametrize("arguments", [("",), ("--json",), ("a", "b")])
def test_anything_but_one_file_is_a_usage_error(node: Node, arguments: tuple[str, ...]) -> None:
    done = collect(node, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"collect takes one file, or none" in done.stderr


def test_a_terminal_gets_no_archive(node: Node) -> None:
    terminal, inside = pty.openpty()
    command = [str(NODE / "nvidia-installer"), "collect"]
    done = subprocess.run(command, env=node.env(), stdout=inside, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(inside)
    os.close(terminal)
    assert done.returncode == 2
    assert b"its output is a terminal; name a file, or redirect the output (> report.tar.zst)" in done.stderr


def test_a_run_that_holds_the_lock_does_not_matter(complete: Node) -> None:
    lock = os.open(complete.host / "run/nvidia", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert json.loads(report(complete)["status.json"])["ready"] is True
    os.close(lock)


def test_before_an_installation_there_is_a_report_too(node: Node) -> None:
    files = report(node)
    assert json.loads(files["status.json"])["problem"] == "not_installed"
    assert "nvidia-smi.txt: failed with exit code 1\nnvidia-smi.txt: the driver is not loaded\n" in files["errors.txt"]
    assert not (node.host / "run/nvidia").exists()


def test_a_damaged_image_and_a_wrong_setting_are_reported(complete: Node) -> None:
    (complete.image / "manifest.env").unlink()
    complete.environment["PERSISTENCE"] = "maybe"
    files = report(complete)
    assert "status.txt: failed with exit code 2\n" in files["errors.txt"]
    assert "status.txt: nvidia-installer: PERSISTENCE=maybe is not one of: auto off" in files["errors.txt"]
    assert "manifest.env: failed with exit code 1\n" in files["errors.txt"]
    assert "PERSISTENCE=maybe\n" in files["settings.txt"]
    assert NAME in files["folders.txt"]


def test_an_item_that_fails_is_noted_and_the_others_are_there(complete: Node) -> None:
    complete.stub("dmesg", "echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1")
    done = collect(complete)
    files = unpack(done.stdout, complete.folder / "report")
    assert files["errors.txt"] == (
        "kernel-messages.txt: failed with exit code 1\n"
        "kernel-messages.txt: dmesg: read kernel buffer failed: Operation not permitted\n"
    )
    assert files["status.txt"].endswith("ready: true\n")
    assert b"1 items are missing or not complete; errors.txt in the archive has the reasons" in done.stderr


def test_programs_that_hang_are_ended_and_noted(node: Node) -> None:
    hang = 'trap "" TERM; echo $$ >"$PROC_ROOT/../hanging"; echo begun; exec /bin/sleep 1000'
    make_image(node, programs={"nvidia-smi": f'case "$*" in -q) {hang} ;; esac'})
    node.installs()
    node.environment["COLLECT_SECONDS"] = "2"
    files = report(node)
    assert "nvidia-smi.txt: did not end within 2 seconds\n" in files["errors.txt"]
    assert files["nvidia-smi.txt"] == "begun\n"
    pid = int((node.folder / "hanging").read_text())
    until(lambda: not (Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes()))


def test_a_signal_ends_it_and_leaves_nothing_behind(node: Node) -> None:
    make_image(node, programs={"nvidia-smi": 'case "$*" in -q) : >"$PROC_ROOT/../begun"; exec /bin/sleep 1000 ;; esac'})
    node.installs()
    node.environment["TMPDIR"] = str(temporary(node))
    file = node.folder / "report.tar.zst"
    with running(node, "collect", str(file)) as process:
        until((node.folder / "begun").exists)
        process.terminate()
        assert process.wait(timeout=30) == 143
    assert not file.exists()
    assert list(temporary(node).iterdir()) == []


def test_an_item_without_end_does_not_fill_the_disk(node: Node) -> None:
    make_image(node, programs={"nvidia-smi": 'case "$*" in -q) exec cat /dev/zero ;; esac'})
    node.installs()
    files = report(node)
    assert len(files["nvidia-smi.txt"]) <= 8 << 20
    assert "nvidia-smi.txt: failed with exit code" in files["errors.txt"]


def test_a_full_disk_has_its_own_exit_code(node: Node) -> None:
    node.stub("tar", "echo 'tar: -: Wrote only 4096 of 10240 bytes: No space left on device' >&2; exit 2")
    file = node.folder / "report.tar.zst"
    done = collect(node, str(file))
    assert done.returncode == 13
    assert f"the disk of {file} is full".encode() in done.stderr
    assert not file.exists()
    assert list(temporary(node).iterdir()) == []


@pytest.mark.parametrize("value", ["0", "-1", "soon", "1.5"])
def test_a_time_that_is_no_number_of_seconds_is_a_usage_error(node: Node, value: str) -> None:
    node.environment["COLLECT_SECONDS"] = value
    done = collect(node)
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"COLLECT_SECONDS={value} is not a whole number of seconds".encode() in done.stderr
