"""Requests to the Kubernetes API, with retries, pages and one sentence for each refusal.

Source: Kubernetes documentation, "Kubernetes API Concepts" (retrieving large results sets in chunks, 410 Gone) and "API
Priority and Fairness" (429 with Retry-After).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import urllib3

from lifecycle.errors import InstallerError

_PAGE = 500
_TIMEOUT = 60.0
_RETRIED = (429, 500, 502, 503, 504)
_ATTEMPTS = 7
_LONGEST_PAUSE = 60.0
_RESTARTS = 3
_MERGE_PATCH = "application/merge-patch+json"
_GONE, _NOT_FOUND, _CONFLICT, _TOO_MANY = 410, 404, 409, 429
_UNAUTHORIZED, _FORBIDDEN = 401, 403


@dataclass(frozen=True)
class Right:
    """The right that a request needs, in the words of RBAC."""

    verb: str
    resource: str
    namespace: str = ""
    group: str = ""

    def __str__(self) -> str:
        where = f"in the namespace {self.namespace}" if self.namespace else "in the whole cluster"
        return f"{self.verb} {self.resource}{f' of {self.group}' if self.group else ''} {where}"


class ApiError(InstallerError):
    """An answer of the API server that is no success; `status` is its HTTP status, 0 if there was no answer."""

    status = 0


class UnreachableError(ApiError):
    """An API server that does not answer."""

    doctor_checks = "the cluster and the rights there"

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"the API server {host} cannot be reached: {why}")


class UnauthorizedError(ApiError):
    """Credentials that the API server does not accept."""

    status = _UNAUTHORIZED

    def __init__(self, host: str, said: str) -> None:
        super().__init__(
            f"the API server {host} does not accept the credentials of the kubeconfig: sign in again",
            details=f"  {said}",
        )


class ForbiddenError(ApiError):
    """Missing rights; `said` are the API server's own words, "" if it was only asked."""

    status = _FORBIDDEN

    def __init__(self, rights: Sequence[Right], said: str) -> None:
        super().__init__(
            f"this user may not {', nor '.join(map(str, rights))}: grant it (docs/how-to/upgrade-drivers.md, rights)",
            details=f"  {said}" if said else "",
        )


class RefusedError(ApiError):
    """Another refusal, with the API server's own words."""

    def __init__(self, right: Right, status: int, said: str) -> None:
        self.status = status
        super().__init__(f"the API server answers {status} to: {right}", details=f"  {said}")


def _says(answer: Mapping[str, Any], text: str) -> str:
    return str(answer.get("message") or text.strip()[:300] or "no reason given")


class Api:
    """The API of one cluster, over the Kubernetes client's connection; several threads may use it.

    `wait` pauses for a number of seconds, and may raise to end the run.
    """

    def __init__(self, client: Any, wait: Callable[[float], None]) -> None:  # noqa: ANN401 - the client is untyped
        self._client = client
        self._wait = wait
        self._reached = False

    @property
    def host(self) -> str:
        """The address of the API server."""
        return str(self._client.configuration.host)

    def get(self, path: str, right: Right, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return an object, or a page of a list. Raises ApiError."""
        return self._ask("GET", path, right, query=query)

    def list_all(self, path: str, right: Right, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Return all objects of a list, page by page; a list whose next page has expired is begun again. Raises ApiError."""
        for _ in range(_RESTARTS):
            try:
                return self._pages(path, right, query or {})
            except ApiError as error:
                if error.status != _GONE:
                    raise
        return self._pages(path, right, {**(query or {}), "limit": "0"})

    def _pages(self, path: str, right: Right, query: Mapping[str, str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        while True:
            page = self.get(path, right, {"limit": str(_PAGE), **query, **more})
            found += page.get("items") or []
            token = str((page.get("metadata") or {}).get("continue") or "")
            if not token:
                return found
            more = {"continue": token}

    def patch(self, path: str, right: Right, body: Mapping[str, object]) -> bool:
        """Merge a patch into an object; return False if the object has changed meanwhile. Raises ApiError."""
        try:
            self._ask("PATCH", path, right, body=body, media=_MERGE_PATCH)
        except ApiError as error:
            if error.status == _CONFLICT:
                return False
            raise
        return True

    def delete(self, path: str, right: Right, body: Mapping[str, object]) -> None:
        """Delete an object; one that is gone, or that another one has replaced, is no error. Raises ApiError."""
        try:
            self._ask("DELETE", path, right, body=body)
        except ApiError as error:
            if error.status not in (_NOT_FOUND, _CONFLICT):
                raise

    def create(self, path: str, right: Right, body: Mapping[str, object]) -> dict[str, Any]:
        """Create an object, once: no refusal is tried again. Return the answer. Raises ApiError."""
        return self._ask("POST", path, right, body=body, attempts=1)

    def _ask(
        self,
        method: str,
        path: str,
        right: Right,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        media: str = "application/json",
        attempts: int = _ATTEMPTS,
    ) -> dict[str, Any]:
        for attempt in range(1, attempts + 1):
            try:
                status, headers, text = self._send(method, path, query or {}, body, media)
            except UnreachableError:
                # A wrong address is said at once; an API server that restarts is waited for.
                if not self._reached or attempt == attempts:
                    raise
                self._wait(_pause(attempt, {}))
                continue
            if status not in _RETRIED or attempt == attempts:
                break
            self._wait(_pause(attempt, headers))
        return self._read(status, text, right)

    def _send(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, object] | None, media: str
    ) -> tuple[int, Mapping[str, str], str]:
        # Imported here, because it is a large library that is not always installed.
        from kubernetes.client.exceptions import ApiException  # noqa: PLC0415
        from kubernetes.config import ConfigException  # noqa: PLC0415

        try:
            request = self._client.param_serialize(
                method,
                path,
                query_params=list(query.items()),
                header_params={"Accept": "application/json", "Content-Type": media},
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = self._client.call_api(*request, _request_timeout=_TIMEOUT)
            text = answer.read().decode("utf-8", "replace")
        except ConfigException as error:
            raise UnauthorizedError(self.host, str(error)) from error
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            raise UnreachableError(self.host, _cause(error)) from error
        self._reached = True
        return int(answer.status), answer.getheaders(), text

    def _read(self, status: int, text: str, right: Right) -> dict[str, Any]:
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            if status == _UNAUTHORIZED:
                raise UnauthorizedError(self.host, "no reason given")
            raise RefusedError(right, status, f"no JSON, but: {text.strip()[:200]}")
        if status == _UNAUTHORIZED:
            raise UnauthorizedError(self.host, _says(answer, text))
        if status == _FORBIDDEN:
            raise ForbiddenError([right], _says(answer, text))
        if not 200 <= status < 300:
            raise RefusedError(right, status, _says(answer, text))
        return answer


def _pause(attempt: int, headers: Mapping[str, str]) -> float:
    """Return the seconds to wait before another attempt: those of Retry-After, or 1, 2, 4 and so on."""
    asked = str(headers.get("Retry-After") or "")
    return min(float(asked) if asked.isdecimal() else 2.0 ** (attempt - 1), _LONGEST_PAUSE)


def _cause(error: BaseException) -> str:
    """Return the innermost reason of an error in one line."""
    reason = getattr(error, "reason", None)
    while isinstance(reason, BaseException):
        error, reason = reason, getattr(reason, "reason", None)
    text = str(reason or error).strip().splitlines()
    return (text[-1] if text else type(error).__name__).rpartition(">: ")[2].rpartition("): ")[2]
