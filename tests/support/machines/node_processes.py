"""The installer of a node under test as a process: watched, stopped and killed."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.support.machines.node_host import (
    NODE,
    SYSTEM_PATH,
    WRITING,
    Node,
    executable,
)

# Like the real one, which goes into the background; like any daemon it holds what it inherits. It says who it is.
T = TypeVar("T")


PERSISTENCED = f"""\
PATH={SYSTEM_PATH}
echo "$@ $LD_LIBRARY_PATH" >"$LOG/persistenced"
[ "${{1:-}}" = --in-background ] || {{ "$0" --in-background </dev/null >/dev/null 2>&1 & exit 0; }}
ls -l /proc/$$/fd >"$LOG/descriptors"
echo $$ >"$LOG/persistenced.pid"
trap 'exit 0' TERM
for _ in $(seq 3000); do sleep 0.02; done
"""


FABRIC_MANAGER = f"""\
PATH={SYSTEM_PATH}
echo "fabric manager at work"
cp "$2" "$LOG/fabricmanager.cfg"
echo $$ >"$LOG/fabricmanager.pid"
trap 'exit 0' TERM
for _ in $(seq 3000); do sleep 0.02; done
"""


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
            process.kill()


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
