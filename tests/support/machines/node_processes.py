"""The installer of a node under test as a process: watched, stopped and killed."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

from tests.support.machines.node_host import NODE, Node, executable
from tests.support.machines.node_programs import WRITING

T = TypeVar("T")


@cache
def daemon_program() -> bytes:
    """Compile files/daemon.c and return the program. The installer knows daemons by their executable, which a script lacks."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "daemon"
        subprocess.run(["gcc", "-o", program, Path(__file__).parent / "files/daemon.c"], check=True)
        return program.read_bytes()


def end_daemons(node: Node) -> None:
    """Kill the daemons that still run from a node's drivers."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            program = (process / "exe").readlink()
        except OSError:
            continue
        if program.is_relative_to(node.folder):
            os.kill(int(process.name), signal.SIGKILL)


def until(wanted: Callable[[], T]) -> T:
    """Look again and again, for as long as a slow machine may need."""
    end = time.monotonic() + 30
    while True:
        if found := wanted():
            return found
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@contextmanager
def running(node: Node, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [str(NODE / "nvidia-installer"), *arguments]
    with subprocess.Popen(
        command, env=node.env(), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def waiting(node: Node) -> Iterator[subprocess.Popen[str]]:
    """Run `wait` on a node, and yield the process after its first message."""
    with running(node, "wait") as process:
        assert process.stderr
        process.stderr.readline()
        yield process


def two_polls_later(process: subprocess.Popen[str]) -> None:
    """Wait until a running `wait` has polled at least twice more: its worker sleeps after each poll, and seldom in one."""
    (worker,) = until(lambda: children(process.pid))
    before = sleeps(worker)
    until(lambda: sleeps(worker) > before + 100)


def children(pid: int) -> list[int]:
    """Return the child processes of a process (proc(5), /proc/pid/task/tid/children)."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def sleeps(pid: int) -> int:
    """Return how often a process has given up the processor."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def stop(process: subprocess.Popen[str]) -> str:
    """Send TERM, which has to end it well and soon; return what was said."""
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 0, said
    return said


def pid_in(path: Path) -> int:
    return int(path.read_text() or 0) if path.exists() else 0


def is_alive(pid: int) -> bool:
    file = Path(f"/proc/{pid}/cmdline")
    return file.exists() and bool(file.read_bytes())  # empty for a process whose end nobody has asked for yet


CHANGING = (*WRITING, "ldconfig", "mknod", "modprobe", "rmmod", "sync")


def killing(node: Node, command: str = "install") -> Callable[[int | None], list[str]]:
    """Wrap every program that changes something; the result runs the installer and kills it before its n-th such call."""
    log, count = node.folder / "changes", node.folder / "count"
    (node.folder / "real").mkdir()
    for name in CHANGING:
        real = (node.programs / name).rename(node.folder / "real" / name)
        kill = f'printf x >>{count}; read -r seen <{count}; [ "$seen" != "${{KILL_AT:-}}" ] || kill -KILL 0'
        executable(node.programs / name, f'echo {name} "$@" >>{log}\n{kill}\nexec {real} "$@"')

    def run(before: int | None) -> list[str]:
        log.write_text("")
        count.write_text("")
        node.environment["KILL_AT"] = "x" * (before or 0)
        done = node.run(command)
        assert done.returncode == (-9 if before else 0), done
        return log.read_text().splitlines()

    return run
