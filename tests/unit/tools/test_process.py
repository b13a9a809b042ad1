import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.tools.process import (
    ProgramFailedError,
    ProgramMissingError,
    environment,
    root_prefix,
    run,
    run_in_view,
)
from tests.support.checkout import ROOT
from tests.support.machines.node_processes import is_alive, until
from tests.support.servers.faulty_server import faulty_server


def test_the_output_of_a_program_is_returned() -> None:
    assert run([sys.executable, "-c", "print('hello')"]) == "hello\n"


def test_the_error_for_a_missing_program_names_the_setup_script() -> None:
    with pytest.raises(ProgramMissingError, match="no-such-program is not installed") as caught:
        run(["no-such-program"])
    assert "Run scripts/setup" in str(caught.value)


def test_the_error_for_a_failed_program_has_its_command_and_last_lines() -> None:
    script = "import sys; [print(n) for n in range(100)]; sys.exit('the reason')"
    with pytest.raises(ProgramFailedError) as caught:
        run([sys.executable, "-c", script])

    lines = str(caught.value).splitlines()
    assert lines[0].endswith("ended with exit code 1")
    assert lines[-2] == "  the reason"
    assert "  0" not in lines
    assert lines[-1].startswith("The command was: ")


def test_a_program_in_view_returns_its_code_and_what_its_pipe_got(tmp_path: Path) -> None:
    script = "import os, sys; print(os.getcwd(), os.environ['A']); sys.exit(3)"
    command = [sys.executable, "-c", script]

    assert run_in_view(command, folder=tmp_path, stdout=subprocess.PIPE, extra_env={"A": "1"}) == (3, f"{tmp_path} 1\n")
    assert run_in_view(["true"], folder=tmp_path, stdout=2) == (0, "")


# A program that starts another one, and tells its process id.
PARENT = "import subprocess; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
CALLER = f"""\
import sys
from pathlib import Path
from lifecycle.tools.process import run_in_view
run_in_view([sys.executable, "-c", {PARENT!r}], folder=Path(), stdout=1)
"""


def test_an_interruption_ends_all_that_a_program_in_view_has_started() -> None:
    command = [sys.executable, "-c", CALLER]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as caller:
        assert caller.stdout
        started = int(caller.stdout.readline())
        caller.send_signal(signal.SIGINT)
        said = caller.communicate(timeout=30)[1]

    assert said.rstrip().endswith("KeyboardInterrupt")
    until(lambda: not is_alive(started))


def test_folders_of_system_programs_are_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/sbin")

    assert environment({"A": "1"})["PATH"] == "/usr/bin:/sbin:/usr/local/sbin:/usr/sbin"
    assert environment({"A": "1"})["A"] == "1"


def test_a_program_has_an_empty_standard_input() -> None:
    assert run([sys.executable, "-c", "import sys; print(repr(sys.stdin.read()))"]) == "''\n"


def test_a_system_program_is_found_outside_the_users_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    assert run(["ldconfig", "--version"]).startswith("ldconfig")


def test_the_error_for_a_failure_without_output_says_so() -> None:
    with pytest.raises(ProgramFailedError, match="it printed nothing") as caught:
        run([sys.executable, "-c", "raise SystemExit(3)"])
    assert caught.value.code == 3


def test_output_that_is_not_text_is_no_error() -> None:
    assert run([sys.executable, "-c", r"import os; os.write(1, b'a\xff')"]) == "a\ufffd"


def test_git_gives_up_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment()["GIT_HTTP_LOW_SPEED_TIME"] == "60"
    monkeypatch.setenv("GIT_HTTP_LOW_SPEED_TIME", "1")
    with faulty_server() as server:
        server.script = ["silence"]
        with pytest.raises(ProgramFailedError, match="git ended with exit code 128") as caught:
            run(["git", "ls-remote", f"{server.address}/x.git"])

    assert "Operation too slow" in caught.value.output


def test_root_needs_no_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert root_prefix() == []


def test_another_user_is_root_in_a_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0 and not shutil.which("runuser"):
        pytest.skip("root has no other user here")
    as_nobody = ["runuser", "--user", "nobody", "--"] if os.geteuid() == 0 else []
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    namespace = [word for word in root_prefix() if word != "--map-auto"]
    done = subprocess.run([*as_nobody, *namespace, "id", "-u"], cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this machine does not let users make namespaces")

    assert done.stdout == "0\n"
