"""The error boundary of tasks.py: what Invoke prints, and the exit code, when a task ends with an error."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.context import Context
from invoke.program import Program

from lifecycle.app.task import task
from lifecycle.errors import ConfigurationError, InstallerError, UsageError
from lifecycle.planning.selector import NothingSelectedError
from lifecycle.tools.engine.errors import EngineUnreachableError
from tasks import GROUPS, ns
from tests.support.checkout import ROOT

FREE_SOME = "Free some space, or name another folder with --cache-dir."
Ending = tuple[int, str, str]


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restore the SIGTERM handler at the end, because a task replaces it."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def ending(capsys: pytest.CaptureFixture[str]) -> Callable[[Callable[[], None]], Ending]:
    """Run a body as a task at the prompt and return the exit code, stdout and stderr."""

    def run(body: Callable[[], None]) -> Ending:
        @task()
        def work(_: Context) -> None:
            """Work."""
            body()

        with pytest.raises(SystemExit) as caught:
            Program(namespace=Collection(work)).run(["invoke", "work"])
        return (int(str(caught.value.code)), *capsys.readouterr())

    return run


def raising(error: BaseException) -> Callable[[], None]:
    def body() -> None:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InstallerError("it broke"), 1, "error: it broke\n"),
        (
            InstallerError("it broke", details="  ld: no", resolution="Mend it."),
            1,
            "error: it broke\n  ld: no\nMend it.\n",
        ),
        (UsageError("no such thing: name another"), 2, "error: no such thing: name another\n"),
        (ConfigurationError(["a:1:1: b: c", "a:2:1: d: e"]), 2, "error: a:1:1: b: c\na:2:1: d: e\n"),
        (NothingSelectedError("9", ["a/b/c"]), 2, "error: --only '9' matches no combination; choose from:\n  a/b/c\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/cache/blobs/x"),
            1,
            f"error: cannot write /cache/blobs/x: No space left on device\n{FREE_SOME}\n",
        ),
        (
            OSError(errno.EDQUOT, "Disk quota exceeded", "/cache/tmp"),
            1,
            f"error: cannot write /cache/tmp: Disk quota exceeded\n{FREE_SOME}\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            1,
            f"error: cannot write: No space left on device\n{FREE_SOME}\n",
        ),
        (OSError("read of closed file"), 1, "error: read of closed file\n"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/cache"),
            1,
            "error: cannot write /cache: Permission denied\n",
        ),
        (KeyboardInterrupt(), 130, "interrupted: nothing half made is left, run the same command to go on\n"),
    ],
)
def test_an_error_is_one_message_on_stderr_and_its_own_exit_code(
    ending: Callable[[Callable[[], None]], Ending], error: BaseException, code: int, said: str
) -> None:
    assert ending(raising(error)) == (code, "", said)


def test_an_error_that_the_doctor_knows_names_it_in_its_last_line(
    ending: Callable[[Callable[[], None]], Ending],
) -> None:
    code, _, said = ending(raising(EngineUnreachableError("unix:///nowhere.sock", "there is no such file")))

    assert (code, said.splitlines()[-1]) == (1, "`invoke doctor` checks the engine.")


def test_being_told_to_end_is_like_ctrl_c(ending: Callable[[Callable[[], None]], Ending]) -> None:
    def body() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    assert ending(body)[0] == 130


def test_a_bug_is_not_taken_for_a_users_mistake(ending: Callable[[Callable[[], None]], Ending]) -> None:
    with pytest.raises(ZeroDivisionError):
        ending(raising(ZeroDivisionError()))


def test_what_a_task_prints_before_it_fails_stays(
    capsys: pytest.CaptureFixture[str], ending: Callable[[Callable[[], None]], Ending]
) -> None:
    def body() -> None:
        print("a result")  # noqa: T201 - what a task does
        raise InstallerError("it broke")

    assert ending(body) == (1, "a result\n", "error: it broke\n")


def test_a_task_is_explained_in_one_line_of_the_list() -> None:
    first = {name: (ns[name].__doc__ or "").partition("\n")[0] for name in ns.task_names}

    assert {name: line for name, line in first.items() if not line.endswith(".") or len(line) > 63} == {}


def test_every_task_shows_an_example() -> None:
    without = [
        name
        for name, aliases in ns.task_names.items()
        if not any(f"invoke {known} " in f"{ns[name].example} " for known in (name, *aliases))
    ]

    assert without == []


def test_an_option_says_its_default() -> None:
    unsaid = [
        (name, argument.name)
        for name in ns.task_names
        for argument in ns[name].get_arguments()
        if not argument.help
        or (argument.kind is not bool and argument.default is not None and "(default: " not in argument.help)
    ]

    assert unsaid == []


def test_a_letter_means_the_same_in_all_tasks() -> None:
    arguments = [argument for name in ns.task_names for argument in ns[name].get_arguments()]

    assert {(letter, a.names[0]) for a in arguments for letter in a.names[1:]} == {("n", "dry-run")}


def test_every_task_is_in_one_group() -> None:
    tasks = [task for group in GROUPS.values() for task in group]

    assert len(tasks) == len(set(tasks)) == len(ns.task_names)


def test_plain_invoke_builds() -> None:
    assert ns.default == "build"


def test_work_goes_on_when_nobody_reads_what_it_says() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code = "from lifecycle.tools.terminal.progress import Progress\nwith Progress().step('a'): pass\nprint('result')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=writing, text=True, check=False
    )
    os.close(writing)

    assert (done.returncode, done.stdout) == (0, "result\n")


@pytest.mark.parametrize("words", [["matrix"], ["matrix", "--json", "--only=535"], ["explain", "535"]])
def test_a_reader_that_is_gone_is_no_error(tmp_path: Path, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "invoke", *words],
        cwd=ROOT,
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/no.sock", "XDG_CACHE_HOME": str(tmp_path)},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (0, "")
