"""Authenticated HTTP requests to a registry, with retries.

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
# An engine accepts a registry on loopback without TLS (dockerd(8), --insecure-registry), and so does this client.
_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+)(:\d+)?")
CERTIFICATES = Path("/etc/docker/certs.d")
# The actions that a token has to allow for each method.
_ACTIONS = {"HEAD": "pull", "GET": "pull", "POST": "pull,push", "PUT": "pull,push", "DELETE": "delete"}
# Seconds before a request is sent again after a failure of the registry or a proxy. A repeated request does no harm, except for
# an upload, which `blobs.py` handles. Docker's registry on a file system also fails to read a tag while it is written.
_PAUSES = (0.5, 1.0, 2.0)
# Docker's registry reports this for a blob that it has while another machine uploads the same blob, because it rewrites its
# link to the blob. Source: OCI distribution specification 1.1, "Error Codes", code-1.
_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"
_CONNECTION_LOST = (httpx.ReadError, httpx.RemoteProtocolError)


class RegistrySession:
    """Connections to one registry, by its host.

    `certificates` is the folder where an engine looks for certificate authorities. `wait` is called with the seconds to wait
    before another attempt; `timeout` is the limit for a response in seconds.
    """

    def __init__(
        self, host: str, login: Login | None, *, certificates: Path, wait: Callable[[float], None], timeout: float
    ) -> None:
        self.host = host
        self._wait = wait
        self._login = login
        authority = certificates / host / "ca.crt"
        trusted = ssl.create_default_context(cafile=str(authority)) if authority.exists() else True
        self._client = httpx.Client(timeout=timeout, follow_redirects=True, verify=trusted, event_hooks=HOOKS)
        self._base = ""
        self._authorizations: dict[tuple[str, str], str] = {}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(
        self,
        method: str,
        repository: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | Path | None = None,
        stream: bool = False,
    ) -> httpx.Response:
        """Send a request below `/v2/<repository>/` and return the response, which may be an error.

        `path` may also be a full URL from a response of the registry; credentials are only sent to the registry itself.
        `content` may be a file to stream. With `stream` the body is not read yet, and the caller closes the response.
        Raises RegistryRefusedError if there is no response, or the login is refused.
        """
        key = repository, _ACTIONS[method]
        try:
            base = self._base_url()
            url = path if "://" in path else f"{base}/v2/{repository}/{path}"
            is_registry = url.startswith(f"{base}/")
            response = self._send(
                method, url, self._authorized(key, headers) if is_registry else dict(headers or {}), content, stream
            )
            if response.status_code == httpx.codes.UNAUTHORIZED and is_registry:
                response.close()
                self._authorizations[key] = self._authorization(response.headers.get("WWW-Authenticate", ""), *key)
                response = self._send(method, url, self._authorized(key, headers), content, stream)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = f"{type(error).__name__}: {error}"
            raise RegistryRefusedError(self.host, f"reach {repository}", reason) from error
        return response

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | Path | None, stream: bool
    ) -> httpx.Response:
        for pause in _PAUSES:
            try:
                response = self._send_once(method, url, headers, content, stream)
            except _CONNECTION_LOST:
                response = None
            if response is not None and not _is_transient(response):
                return response
            if response is not None:
                response.close()
            self._wait(pause)
        return self._send_once(method, url, headers, content, stream)

    def _send_once(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | Path | None, stream: bool
    ) -> httpx.Response:
        with ExitStack() as stack:
            body = stack.enter_context(content.open("rb")) if isinstance(content, Path) else content
            request = self._client.build_request(method, url, headers=headers, content=body)
            return self._client.send(request, stream=stream)

    def _authorized(self, key: tuple[str, str], headers: Mapping[str, str] | None) -> dict[str, str]:
        authorization = {"Authorization": self._authorizations[key]} if key in self._authorizations else {}
        return {**(headers or {}), **authorization}

    def _authorization(self, challenge: str, repository: str, actions: str) -> str:
        """Return the Authorization header that a challenge asks for: the login itself, or a token of its token server."""
        kind, _, rest = challenge.partition(" ")
        basic = httpx.BasicAuth(self._login.username, self._login.password) if self._login else None
        if kind.lower() == "basic" and basic:
            request = httpx.Request("GET", self._base_url())
            return next(basic.auth_flow(request)).headers["Authorization"]
        if kind.lower() != "bearer":
            raise RegistryRefusedError(self.host, "sign in", "it wants a login: 401 unauthorized")
        fields: dict[str, str] = dict(_CHALLENGE.findall(rest))
        query = {"scope": fields.get("scope", f"repository:{repository}:{actions}")}
        query |= {"service": fields["service"]} if "service" in fields else {}
        response = self._client.get(fields.get("realm", ""), params=query, auth=basic)
        if response.is_error:
            raise RegistryRefusedError(self.host, "sign in", f"its token server answered {error_text(response)}")
        body = read_json(response.content)
        return f"Bearer {body.get('token') or body.get('access_token')}"

    def _base_url(self) -> str:
        """Return `https://host`, or `http://host` for a registry on loopback without TLS."""
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


def _is_transient(response: httpx.Response) -> bool:
    """Return whether the same request may succeed a moment later."""
    if response.request.method == "PUT" and response.is_client_error:
        return any(error.get("code") == _BLOB_UNKNOWN for error in _errors(response))
    return response.is_server_error


def raise_for_error(session: RegistrySession, response: httpx.Response, what: str) -> None:
    """Raise RegistryRefusedError for a response that is an error; `what` names what was requested ("list the tags of x")."""
    if response.is_error:
        response.read()
        raise RegistryRefusedError(session.host, what, f"it answered {error_text(response)}")


def error_text(response: httpx.Response) -> str:
    """Return the status and the error messages of a response (OCI distribution specification, "Error Codes")."""
    messages = [_message(error) for error in _errors(response)]
    return ": ".join([f"{response.status_code} {response.reason_phrase.lower()}", *messages])


def _errors(response: httpx.Response) -> list[Mapping[str, Any]]:
    errors = read_json(response.content).get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _message(error: Mapping[str, Any]) -> str:
    detail = error.get("detail")
    parts = [str(error.get("message") or error.get("code"))]
    if detail:
        parts.append(detail if isinstance(detail, str) else json.dumps(detail))
    return ": ".join(parts)


def read_json(content: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one for any other content."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
