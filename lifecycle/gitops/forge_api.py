"""Requests to the REST API of a code forge, and the pull requests in its answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
from pydantic import AliasChoices, BaseModel, Field, TypeAdapter, ValidationError

from lifecycle.config.schema import shown
from lifecycle.errors import InstallerError
from lifecycle.tools.network.client import REQUEST_ERRORS, open_client
from lifecycle.tools.network.retries import RetryPolicy, answer_text


class ForgeRefusedError(InstallerError):
    """A forge that does not answer or refuses a request. The pushed branch stays."""

    def __init__(self, host: str, what: str, why: str, *, unauthorised: bool = False) -> None:
        hint = "INVOKE_GITOPS_TOKEN has to be allowed to make pull requests." if unauthorised else ""
        super().__init__(
            f"{host}: cannot {what}; the branch is pushed",
            details=f"  {why}",
            resolution=hint or "Run the command again: it continues from there.",
        )


class OpenRequest(BaseModel):
    """An open pull request in an answer, by GitHub's names or GitLab's."""

    number: int = Field(validation_alias=AliasChoices("number", "iid"))
    url: str = Field(validation_alias=AliasChoices("html_url", "web_url"))


_ANSWER = TypeAdapter(list[OpenRequest])


@dataclass(frozen=True)
class ForgeApi:
    """The API of a forge: its host, its address, and the headers with the token, which `repr` hides."""

    host: str
    base: str
    headers: Mapping[str, str]
    policy: RetryPolicy

    def __repr__(self) -> str:
        return f"ForgeApi({self.base!r})"

    def ask(self, method: str, path: str, what: str, **options: Any) -> list[OpenRequest]:  # noqa: ANN401 - httpx's
        """Send a request, and return the pull requests of the answer. Raises ForgeRefusedError with the forge's own message."""
        said = self._send(method, path, what, options)
        try:
            return _ANSWER.validate_python(said if isinstance(said, list) else [said])
        except ValidationError as error:
            raise ForgeRefusedError(self.host, what, f"its answer is no pull request: {shown(said)}") from error

    def ask_one(self, method: str, path: str, what: str, json: Mapping[str, object]) -> str:
        """Send a request about one pull request, and return that one's address. Raises as `ask`."""
        found = self.ask(method, path, what, json=json)
        if not found:
            raise ForgeRefusedError(self.host, what, "its answer is no pull request: []")
        return found[0].url

    def _send(self, method: str, path: str, what: str, options: Mapping[str, Any]) -> object:
        url = f"{self.base.rstrip('/')}/{path}"
        try:
            with open_client(policy=self.policy) as client:
                answer = client.request(method, url, headers=dict(self.headers), **options)
        except REQUEST_ERRORS as error:
            raise ForgeRefusedError(self.host, what, f"{type(error).__name__}: {error}") from error
        try:
            said = answer.json() if answer.content else None
        except (ValueError, RecursionError):
            said = "no JSON, but a page of something else"
        if answer.is_error or isinstance(said, str):
            unauthorised = answer.status_code in (
                httpx.codes.UNAUTHORIZED,
                httpx.codes.FORBIDDEN,
                httpx.codes.NOT_FOUND,
            )
            why = f"it answered {answer_text(answer)}: {_message(said)}"
            raise ForgeRefusedError(self.host, what, why, unauthorised=unauthorised)
        return said


def _message(said: object) -> str:
    """Return the message of an error: `message` and `errors[].message` (GitHub), `message` or `error` (GitLab)."""
    if not isinstance(said, dict):
        return str(said)
    listed = said.get("errors")
    found = listed if isinstance(listed, list) else []
    errors = [str(e.get("message", e)) if isinstance(e, dict) else str(e) for e in found]
    return "; ".join([str(said.get("message") or said.get("error") or said), *errors])
