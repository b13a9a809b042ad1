"""Requests to the REST API of a code forge. The token goes to the host of the API alone, and into no message."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2 as httpx
from pydantic import TypeAdapter, ValidationError

from lifecycle.errors import InstallerError, UsageError
from lifecycle.tools.forge.project import ForgeKind, Project
from lifecycle.tools.network.client import REQUEST_ERRORS, open_client
from lifecycle.tools.network.errors import without_login
from lifecycle.tools.network.retries import REQUESTS, RetryPolicy, answer_text
from lifecycle.tools.problems import first_problem

_T = TypeVar("_T")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_TOKEN = re.compile(r"[!-~]+")
# The largest page of a list at both forges, and the most pages that are read.
_PAGE, _PAGES = 100, 100
_REDIRECTS = 5
# The answers to a token that lacks a right. A forge hides what the token may not see with 404.
_REFUSALS = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND)


class ForgeRefusedError(InstallerError):
    """A forge that does not answer or refuses a request. `kept` is what was done before and stays."""

    doctor_checks = "the token and its user's rights"

    def __init__(self, host: str, what: str, why: str, *, kept: str = "", hint: str = "") -> None:
        super().__init__(
            f"{host}: cannot {what}{'; ' if kept else ''}{kept}",
            details=f"  {why}",
            resolution=hint or "Run the command again: it continues from there.",
        )


class PlainTokenError(UsageError):
    """A token that would be sent without TLS."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{without_login(address)}: the token would be sent without TLS: write an address with https://"
        )


class BadTokenError(UsageError):
    """A token with characters that no token has. It is not shown."""

    def __init__(self, host: str) -> None:
        super().__init__(f"the token for {host} contains a blank or a character that no token has: set it again")


@dataclass(frozen=True, kw_only=True)
class Advice:
    """The parts of an error that depend on the user of the API.

    `kept` is what was done before and stays, and `permission` what the token has to be allowed.
    """

    kept: str = ""
    permission: str


@dataclass(frozen=True)
class ForgeToken:
    """A token; `is_job` is True for the one that GitLab gives to a CI job."""

    value: str = field(repr=False)
    is_job: bool = False

    def headers(self, kind: ForgeKind) -> dict[str, str]:
        """Return the headers of each request.

        Sources: docs.github.com/rest/authentication; docs.gitlab.com/api/rest/authentication.
        """
        if kind is ForgeKind.GITLAB:
            return {"JOB-TOKEN" if self.is_job else "PRIVATE-TOKEN": self.value}
        return {
            "Authorization": f"Bearer {self.value}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }


def open_api(
    project: Project, token: ForgeToken, *, api: str | None, advice: Advice, policy: RetryPolicy = REQUESTS
) -> "ForgeApi":
    """Return the API of a project's forge; `api` is its address if it is not the usual one.

    Raises PlainTokenError, BadTokenError.
    """
    base = (api or project.api_url()).rstrip("/")
    parts = urlsplit(base)
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise PlainTokenError(base)
    # A client quotes a header that it cannot send.
    if not _TOKEN.fullmatch(token.value):
        raise BadTokenError(project.host)
    return ForgeApi(host=project.host, base=base, headers=token.headers(project.kind), advice=advice, policy=policy)


@dataclass(frozen=True, kw_only=True)
class ForgeApi:
    """The API of a forge: the forge's host, the API's address, and the headers with the token, which `repr` hides."""

    host: str
    base: str
    headers: Mapping[str, str] = field(repr=False)
    advice: Advice
    policy: RetryPolicy = field(repr=False)

    def ask(self, method: str, path: str, what: str, **options: Any) -> object:  # noqa: ANN401 - httpx's
        """Send a request, and return the JSON of the answer. Raises ForgeRefusedError with the forge's own message."""
        return self.ask_at(method, f"{self.base}/{path}", what, **options)

    def find(self, path: str, what: str) -> object | None:
        """Return the JSON of something that may not exist; None if it does not. Raises ForgeRefusedError."""
        return self.ask_at("GET", f"{self.base}/{path}", what, missing_ok=True)

    def list_all(self, form: type[_T], path: str, what: str, **query: str) -> Iterator[_T]:
        """Yield the items of a list, page by page. Raises ForgeRefusedError."""
        for page in range(1, _PAGES + 1):
            params = {**query, "per_page": str(_PAGE), "page": str(page)}
            found = self.read(list[form], self.ask("GET", path, what, params=params), what)  # type: ignore[valid-type]
            yield from found
            if len(found) < _PAGE:
                return

    def read(self, form: type[_T], said: object, what: str) -> _T:
        """Return an answer in the form that it should have. Raises ForgeRefusedError."""
        try:
            return TypeAdapter(form).validate_python(said)
        except ValidationError as error:
            raise self.refusal(what, f"its answer has another form: {first_problem(error)}") from error

    def refusal(self, what: str, why: str, *, unauthorised: bool = False) -> ForgeRefusedError:
        """Return the error for a request; `unauthorised` adds what the token has to be allowed."""
        hint = self.advice.permission if unauthorised else ""
        return ForgeRefusedError(self.host, what, why, kept=self.advice.kept, hint=hint)

    def ask_at(self, method: str, url: str, what: str, *, missing_ok: bool = False, **options: Any) -> object:  # noqa: ANN401
        """Send a request to an address of the forge, and return the JSON of the answer. Raises ForgeRefusedError."""
        headers = {**self.headers, **options.pop("headers", {})}
        try:
            with open_client(policy=self.policy) as client:
                answer = self._sent(client, client.build_request(method, url, headers=headers, **options), what)
        except REQUEST_ERRORS as error:
            raise self.refusal(what, f"{type(error).__name__}: {error}") from error
        try:
            said = answer.json() if answer.content else None
        except (ValueError, RecursionError):
            said = "no JSON, but a page of something else"
        if missing_ok and answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_error or isinstance(said, str):
            why = f"it answered {answer_text(answer)}: {_message(said)}"
            raise self.refusal(what, why, unauthorised=answer.status_code in _REFUSALS)
        return said

    def _sent(self, client: httpx.Client, request: httpx.Request, what: str) -> httpx.Response:
        """Return the answer to a request. A redirection is followed on the same host only: a client keeps GitLab's header."""
        origin = request.url.scheme, request.url.netloc
        for _ in range(_REDIRECTS):
            answer = client.send(request, follow_redirects=False)
            if answer.next_request is None:
                return answer
            request = answer.next_request
            if (request.url.scheme, request.url.netloc) != origin:
                raise self.refusal(what, f"it redirects to another host, {request.url.host}, which gets no token")
        raise self.refusal(what, f"it redirects more than {_REDIRECTS} times")


def _message(said: object) -> str:
    """Return the message of an error: `message` and `errors[].message` (GitHub), `message` or `error` (GitLab)."""
    if not isinstance(said, dict):
        return str(said)
    listed = said.get("errors")
    found = listed if isinstance(listed, list) else []
    errors = [_one_error(entry) if isinstance(entry, dict) else str(entry) for entry in found]
    return "; ".join([str(said.get("message") or said.get("error") or said), *errors])


def _one_error(entry: Mapping[str, object]) -> str:
    """Return an entry of GitHub's `errors`: its message, or its field and code, as in `tag_name already_exists`."""
    named = " ".join(str(entry[key]) for key in ("field", "code") if key in entry)
    return str(entry.get("message") or named or entry)
