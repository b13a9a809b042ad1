"""The log of --debug: what it shows, and what it never shows."""

import logging
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from lifecycle.app import debug
from lifecycle.tools.network.request_log import HOOKS
from lifecycle.tools.process import ProgramFailedError, run


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Put back what a test sets up."""
    yield
    debug.set_up(wanted=False)
    for name in ("lifecycle", "urllib3.connectionpool", "invoke"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def line(message: str, **environ: str) -> str:
    record = logging.LogRecord("x", logging.DEBUG, "", 0, message, None, None)
    return debug.Redacted(environ).format(record).partition(" x: ")[2]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("git clone https://me:s3cret@host/x", "git clone https://***@host/x"),
        ("git clone https://s3cret@host/x", "git clone https://***@host/x"),
        ("ssh://user@host/x", "ssh://user@host/x"),
        ("ssh://user:s3cret@host/x", "ssh://user:***@host/x"),
        ("GET /v1/c/o?temp_url_sig=s3cret&temp_url_expires=9", "GET /v1/c/o?temp_url_sig=***&temp_url_expires=9"),
        ("GET /x?X-Amz-Signature=s3cret", "GET /x?X-Amz-Signature=***"),
        ("Authorization: Bearer s3cret", "Authorization: Bearer ***"),
        ("{'X-Auth-Token': 's3cret'}", "{'X-Auth-Token': '***'}"),
        ("PRIVATE-TOKEN=s3cret", "PRIVATE-TOKEN=***"),
        ("run: make -j4", "run: make -j4"),
    ],
)
def test_a_credential_is_hidden(message: str, shown: str) -> None:
    assert line(message) == shown


@pytest.mark.parametrize(
    "name", ["INVOKE_GITOPS_TOKEN", "INVOKE_REGISTRY_PASSWORD", "ST_KEY", "OS_APPLICATION_CREDENTIAL_SECRET"]
)
def test_the_value_of_a_secret_variable_is_hidden(name: str) -> None:
    assert line("it answered: bad login hunter22", **{name: "hunter22"}) == "it answered: bad login ***"


def test_a_secret_in_a_traceback_is_hidden() -> None:
    try:
        raise ValueError("hunter22")
    except ValueError as error:
        record = logging.LogRecord("x", logging.DEBUG, "", 0, "ended", None, (ValueError, error, error.__traceback__))

    text = debug.Redacted({"ST_KEY": "hunter22"}).format(record)

    assert "Traceback" in text
    assert "hunter22" not in text


def test_commands_and_their_exit_codes_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    debug.set_up(wanted=True)
    run(["true", "a b"])
    with pytest.raises(ProgramFailedError):
        run(["false"])
    said = capsys.readouterr().err

    assert "lifecycle.tools.process: run: true 'a b'\n" in said
    assert "lifecycle.tools.process: false: exit code 1 after " in said


def test_requests_are_shown_without_user_and_query(capsys: pytest.CaptureFixture[str]) -> None:
    debug.set_up(wanted=True)
    answers = httpx.MockTransport(lambda _: httpx.Response(404))
    with httpx.Client(transport=answers, event_hooks=HOOKS) as client:
        client.get("https://me:hunter22@host/x?sig=hunter22", headers={"Authorization": "Bearer hunter22"})
    said = capsys.readouterr().err

    assert "lifecycle.tools.network.request_log: GET https://host/x?…: 404 after 0.0" in said
    assert "hunter22" not in said


def test_nothing_is_shown_where_it_is_not_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    debug.set_up(wanted=True)
    debug.set_up(wanted=False)
    run(["true"])

    assert capsys.readouterr().err == ""


def test_invokes_own_parser_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().addHandler(logging.StreamHandler())
    debug.set_up(wanted=True)
    logging.getLogger("invoke").debug("Handling token")

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_the_environment_asks_for_it(value: str, wanted: bool) -> None:
    assert debug.is_wanted({"INVOKE_DEBUG": value}) is wanted
