import os
import shutil
import subprocess
import sys

import pytest

from lifecycle.tools.process import ProgramFailedError, ProgramMissingError, environment, root_prefix, run
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
