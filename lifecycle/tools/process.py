"""A runner of programs: arguments as a list, never a shell, and the last lines of the output in errors."""

import logging
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lifecycle.errors import InstallerError

_log = logging.getLogger(__name__)
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_LAST_LINES = 15
# git waits without end for a server that accepts a connection and sends nothing. Source: git-config(1), http.lowSpeedLimit.
_GIT_LIMITS = {"GIT_HTTP_LOW_SPEED_LIMIT": "1", "GIT_HTTP_LOW_SPEED_TIME": "60"}


class ProgramMissingError(InstallerError):
    """A program that is not installed, although scripts/setup installs it."""

    def __init__(self, program: str) -> None:
        super().__init__(f"{program} is not installed", resolution="Run scripts/setup, which installs what is missing.")


class ProgramFailedError(InstallerError):
    """A program that failed: its command, exit code and output."""

    def __init__(self, command: Sequence[str], code: int, output: str) -> None:
        last = "\n".join(f"  {line}" for line in output.splitlines()[-_LAST_LINES:])
        super().__init__(
            f"{command[0]} ended with exit code {code}",
            details=last or "  (it printed nothing)",
            resolution=f"The command was: {shlex.join(command)[:600]}",
        )
        self.code = code
        self.output = output


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of this process plus `extra`, with the locale C.UTF-8 and the sbin folders on PATH.

    git gives up a server that sends nothing for 60 seconds, unless this process has limits of its own for it.
    """
    path = os.environ.get("PATH", os.defpath)
    missing = [folder for folder in _SYSTEM_FOLDERS if folder not in path.split(os.pathsep)]
    ours = {"LC_ALL": "C.UTF-8", "PATH": os.pathsep.join([path, *missing])}
    return {**_GIT_LIMITS, **os.environ, **ours, **(extra or {})}


def run(command: Sequence[str], *, extra_env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return its standard output.

    Raises ProgramMissingError if it is not installed, ProgramFailedError if its exit code is not 0.
    """
    env = environment(extra_env)
    if not shutil.which(command[0], path=env["PATH"]):
        raise ProgramMissingError(command[0])
    log_command(command)
    started = time.monotonic()
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, errors="replace", check=False, stdin=subprocess.DEVNULL
    )
    _log.debug("%s: exit code %d after %.2f s", command[0], done.returncode, time.monotonic() - started)
    if done.returncode:
        raise ProgramFailedError(command, done.returncode, done.stdout + done.stderr)
    return done.stdout


def run_in_view(
    command: Sequence[str], *, folder: Path, stdout: int, extra_env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a program in a folder, with its messages in the user's view, and return its exit code and what a pipe got.

    `stdout` is a descriptor or subprocess.PIPE. If this process is interrupted, so is the program with all that it has started, as
    by Ctrl-C in a terminal, and it has ended before KeyboardInterrupt is raised.
    """
    log_command(command)
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(extra_env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        text=True,
        process_group=0,
    ) as process:
        try:
            output, _ = process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            process.wait()
            raise
    return process.returncode, output or ""


def log_command(command: Sequence[str]) -> None:
    """Write a command that is about to run to the log of --debug."""
    _log.debug("run: %s", shlex.join(command))


def root_prefix() -> list[str]:
    """Return the words before a command that changes owners and calls chroot; none are needed by root.

    Another user gets root's rights over files of his own in a user namespace (user_namespaces(7)). That needs newuidmap(1),
    and a range of ids for the user in /etc/subuid (unshare(1), --map-auto).
    """
    return [] if os.geteuid() == 0 else ["unshare", "--user", "--mount", "--map-root-user", "--map-auto"]
