"""The output of `invoke doctor`: a line or a row for each finding, its exit code, and no secret."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.doctor import command
from lifecycle.doctor.command import FaultsFoundError, line, show_doctor
from lifecycle.doctor.finding import Finding, Subject

PLANTED = "planted-4711"
FINE, HALF, BROKEN = (
    Subject("engine").ok("version 29"),
    Subject("registry").warning(f"refused {PLANTED} at https://me:geheim@example.org", "Log in."),
    Subject("clock").error("it is late", "Set it."),
)


def session() -> Session:
    return Session(Path("/checkout"), cache_dir="/cache", environ={"SOME_TOKEN": PLANTED})


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """Return the list that stands for the findings."""
    listed: list[Finding] = []

    def findings(_session: Session, *, limit: float) -> Iterator[Finding]:
        assert limit > 0
        yield from listed

    monkeypatch.setattr(command, "findings", findings)
    return listed


def test_a_line_has_the_state_the_subject_and_what_to_do() -> None:
    assert line(BROKEN) == "error    clock          it is late → Set it."
    assert line(FINE) == "ok       engine         version 29"


def test_warnings_end_with_exit_code_0(found: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    found += [FINE, HALF]
    show_doctor(session(), as_json=False)

    assert len(capsys.readouterr().out.splitlines()) == 2


def test_an_error_ends_with_exit_code_1_after_all_lines(
    found: list[Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    found += [BROKEN, HALF]
    with pytest.raises(FaultsFoundError, match="1 error and 1 warning: each line above says what to do") as caught:
        show_doctor(session(), as_json=False)

    assert caught.value.exit_code == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("as_json", [True, False])
def test_secrets_of_the_environment_and_of_addresses_are_hidden(
    found: list[Finding], capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    found.append(HALF)
    show_doctor(session(), as_json=as_json)
    shown = capsys.readouterr().out

    assert "refused *** at https://***@example.org" in shown
    assert PLANTED not in shown


def test_json_has_the_findings_and_their_numbers(found: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    found += [FINE, HALF]
    show_doctor(session(), as_json=True)
    printed = json.loads(capsys.readouterr().out)

    assert printed["findings"][0] == {"subject": "engine", "state": "ok", "text": "version 29", "remedy": ""}
    assert {name: printed[name] for name in ("ok", "warning", "error", "skipped")} == {
        "ok": 1,
        "warning": 1,
        "error": 0,
        "skipped": 0,
    }
