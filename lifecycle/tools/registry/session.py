"""Requests to a registry: TLS, and who we are.

Source: Docker's "Token authentication" and its "Token scopes" (distribution/docs/spec/auth).
"""

import json
import re
import ssl
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from lifecycle.tools.registry.errors import RegistryRefusedError
from lifecycle.tools.registry.login import Login
from lifecycle.tools.request_log import HOOKS

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
# An engine takes a registry on loopback without TLS (dockerd(8), --insecure-registry), and so do we.
_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+)(:\d+)?")
CERTIFICATES = Path("/etc/docker/certs.d")
# What a token has to allow, by what is done with it.
_ACTIONS = {"HEAD": "pull", "GET": "pull", "POST": "pull,push", "PUT": "pull,push", "DELETE": "delete"}
# Seconds before a request is made again that a registry, or what stands before it, failed at: each may be made twice, or is
# refused then (an upload's: registry_blobs.py). One that reads a tag while another writes it may fail, too (Docker's on a file
# system).
_PAUSES = (0.5, 1.0, 2.0)
# What Docker's says of a blob that it has, to who puts a manifest while another machine gives it the same blob: it empties its
# link to that, and fills it again. Source: OCI distribution specification 1.1, "Error Codes", code-1.
_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"
_BROKE_OFF = (httpx.ReadError, httpx.RemoteProtocolError)


class RegistrySession:
    """Connections to one registry, by its host; `certificates` is where an engine looks for authorities.

    `wait` is told the seconds before another attempt, `patience` is how many are waited for an answer.
    """

    def __init__(
        self, host: str, login: Login | None, *, certificates: Path, wait: Callable[[float], None], patience: float
    ) -> None:
        self.host = host
        self._wait = wait
        self._login = login
        authority = certificates / host / "ca.crt"
        trusted = ssl.create_default_context(cafile=str(authority)) if authority.exists() else True
        self._client = httpx.Client(timeout=patience, follow_redirects=True, verify=trusted, event_hooks=HOOKS)
        self._base = ""
        self._granted: dict[tuple[str, str], str] = {}

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    def ask(
        self,
        method: str,
        repository: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | Path | None = None,
        stream: bool = False,
    ) -> httpx.Response:
        """One request below `/v2/<repository>/`, as whoever may; the answer may be an error.

        `path` may be a whole address, as a registry names one; who we are is told to nobody else. `content` may be a file. The
        body of a `stream` is not read yet, and the answer has to be closed. Raises RegistryRefusedError where there is no
        answer, or nobody to be.
        """
        key = repository, _ACTIONS[method]
        try:
            base = self._address()
            url = path if "://" in path else f"{base}/v2/{repository}/{path}"
            ours = url.startswith(f"{base}/")
            answer = self._send(
                method, url, self._signed(key, headers) if ours else dict(headers or {}), content, stream
            )
            if answer.status_code == httpx.codes.UNAUTHORIZED and ours:
                answer.close()
                self._granted[key] = self._answer_to(answer.headers.get("WWW-Authenticate", ""), *key)
                answer = self._send(method, url, self._signed(key, headers), content, stream)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = f"{type(error).__name__}: {error}"
            raise RegistryRefusedError(self.host, f"reach {repository}", said) from error
        return answer

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | Path | None, stream: bool
    ) -> httpx.Response:
        for pause in _PAUSES:
            try:
                answer = self._send_once(method, url, headers, content, stream)
            except _BROKE_OFF:
                answer = None
            if answer is not None and not _may_pass(answer):
                return answer
            if answer is not None:
                answer.close()
            self._wait(pause)
        return self._send_once(method, url, headers, content, stream)

    def _send_once(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | Path | None, stream: bool
    ) -> httpx.Response:
        with ExitStack() as stack:
            body = stack.enter_context(content.open("rb")) if isinstance(content, Path) else content
            request = self._client.build_request(method, url, headers=headers, content=body)
            return self._client.send(request, stream=stream)

    def _signed(self, key: tuple[str, str], headers: Mapping[str, str] | None) -> dict[str, str]:
        granted = {"Authorization": self._granted[key]} if key in self._granted else {}
        return {**(headers or {}), **granted}

    def _answer_to(self, challenge: str, repository: str, actions: str) -> str:
        """What a registry wants to see that has said who it takes: a password, or a token of another server for one."""
        kind, _, rest = challenge.partition(" ")
        basic = httpx.BasicAuth(self._login.username, self._login.password) if self._login else None
        if kind.lower() == "basic" and basic:
            request = httpx.Request("GET", self._address())
            return next(basic.auth_flow(request)).headers["Authorization"]
        if kind.lower() != "bearer":
            raise RegistryRefusedError(self.host, "sign in", "it wants a login: 401 unauthorized")
        words: dict[str, str] = dict(_CHALLENGE.findall(rest))
        query = {"scope": words.get("scope", f"repository:{repository}:{actions}")}
        query |= {"service": words["service"]} if "service" in words else {}
        answer = self._client.get(words.get("realm", ""), params=query, auth=basic)
        if answer.is_error:
            raise RegistryRefusedError(self.host, "sign in", f"its token server answered {said(answer)}")
        body = read_json(answer.content)
        return f"Bearer {body.get('token') or body.get('access_token')}"

    def _address(self) -> str:
        """`https://host`; on loopback `http://host` where TLS is not spoken."""
        if not self._base:
            plain = _LOOPBACK.fullmatch(self.host) and not self._speaks_tls()
            self._base = f"{'http' if plain else 'https'}://{self.host}"
        return self._base

    def _speaks_tls(self) -> bool:
        try:
            self._client.get(f"https://{self.host}/v2/")
        except httpx.ConnectError as error:
            return "CERTIFICATE" in str(error).upper()
        except httpx.HTTPError:
            return False
        return True


def _may_pass(answer: httpx.Response) -> bool:
    """Whether the same request may well succeed a moment later."""
    if answer.request.method == "PUT" and answer.is_client_error:
        return any(error.get("code") == _BLOB_UNKNOWN for error in _errors(answer))
    return answer.is_server_error


def check(session: RegistrySession, answer: httpx.Response, what: str) -> None:
    """Raise RegistryRefusedError for an answer that is an error; `what` was asked for."""
    if answer.is_error:
        answer.read()
        raise RegistryRefusedError(session.host, what, f"it answered {said(answer)}")


def said(answer: httpx.Response) -> str:
    """What an answer says went wrong: the status, and the registry's own words (OCI distribution specification, "Error Codes")."""
    words = [_words(error) for error in _errors(answer)]
    return ": ".join([f"{answer.status_code} {answer.reason_phrase.lower()}", *words])


def _errors(answer: httpx.Response) -> list[Mapping[str, Any]]:
    errors = read_json(answer.content).get("errors") or []
    return [error for error in errors if isinstance(error, dict)]


def _words(error: Mapping[str, Any]) -> str:
    detail = error.get("detail")
    known = [str(error.get("message") or error.get("code"))]
    if detail:
        known.append(detail if isinstance(detail, str) else json.dumps(detail))
    return ": ".join(known)


def read_json(content: bytes) -> dict[str, Any]:
    """An object of JSON; an empty one where it is anything else."""
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
