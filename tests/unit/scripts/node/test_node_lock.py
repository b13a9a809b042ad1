"""Tests of the node's lock: who shares it, who waits for it, and which processes do not keep it."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.machines.node_host import NODE, Node
from tests.support.machines.node_processes import running, until


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def test_the_gpu_operators_container_and_ours_exclude_each_other(node: Node) -> None:
    with locked(node.host / "run/nvidia"):
        assert node.run("install").returncode == 14
        assert node.run("init", program=NODE / "nvidia-driver").returncode == 14


def test_a_moment_of_waiting_does_not_refuse_an_installation(node: Node) -> None:
    with locked(node.host / "run/nvidia"), running(node, "install") as process:
        until(lambda: Path(f"/proc/{process.pid}").exists())
    with running(node, "install") as process:
        assert process.wait(timeout=60) == 0


def test_a_lock_on_a_removed_folder_is_void(node: Node) -> None:
    node.stub("flock", f'exec flock "$@"; rm -r {node.host}/run/nvidia')
    node.installs()
    with locked(node.folder / "old"):
        (node.folder / "old").rmdir()
        assert node.run("uninstall").returncode == 0


def test_a_killed_installation_leaves_no_child_that_keeps_the_lock(node: Node) -> None:
    """Check with an nvidia-smi that hangs while the installation is killed."""
    node.installs("--no-load")
    mark = node.folder / "smi.pid"
    node.stub("timeout", f"echo $$ >{mark}.new; mv {mark}.new {mark}; exec /usr/bin/sleep 60")
    with running(node, "install") as process:
        child = int(until(lambda: mark.exists() and mark.read_text()))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        assert Path(f"/proc/{child}").exists()
        node.stub("timeout", 'exec timeout "$@"')
        node.installs()


def test_nvidia_smi_is_killed_if_it_ignores_the_first_signal(node: Node) -> None:
    node.stub("timeout", 'exec timeout "$@"')
    node.installs()
    (call,) = (call for call in node.calls("timeout") if call.endswith("nvidia-smi"))
    assert call.startswith("--kill-after=10 120 ")
