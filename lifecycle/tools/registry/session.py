"""Authenticated HTTP requests to a registry, with retries.

Source: Docker's "Token authentication" and its "Token scopes" (distribution/docs/spec/auth).
"""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx2 as httpx

from lifecycle.tools.network.client import REQUEST_ERRORS, open_client
from lifecycle.tools.network.file_content import FileContent
from lifecycle.tools.network.retries import REPEATABLE, Attempts, RetryPolicy
from lifecycle.tools.registry.authentication import Access, Authentication
from lifecycle.tools.registry.errors import RegistryRefusedError
from lifecycle.tools.registry.login import Login
from lifecycle.tools.registry.responses import error_text, errors_of

# An engine accepts a registry on loopback without TLS (dockerd(8), --insecure-registry), and so does this client.
_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?")
CERTIFICATES = Path("/etc/docker/certs.d")
# The actions that a token has to allow for each method.
_ACTIONS = {"HEAD": "pull", "GET": "pull", "POST": "pull,push", "PUT": "pull,push", "DELETE": "delete"}
# Docker's registry reports this for a blob that it has while another machine uploads the same blob, because it rewrites its
# link to the blob. Source: OCI distribution specification 1.1, "Error Codes", code-1.
_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"


def is_loopback(host: str) -> bool:
    """Return whether a registry, by its host with a port, is on the loopback of the machine that asks."""
    return bool(_LOOPBACK.fullmatch(host))


class RegistrySession:
    """Connections to one registry, by its host.

    `certificates` is the folder where an engine looks for certificate authorities; they are trusted beside the system's, as by
    the engine. `policy` says how requests are repeated; `timeout` is the limit for a response in seconds; `clock` returns seconds.
    """

    def __init__(
        self,
        host: str,
        login: Login | None,
        *,
        certificates: Path,
        policy: RetryPolicy,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host = host
        self._policy = policy
        authorities = sorted((certificates / host).glob("*.crt"))
        self._client = open_client(timeout=timeout, authorities=authorities, policy=policy)
        self._base = ""
        self._authentication = Authentication(host, login, self._ask_token_server, clock)

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
        Raises RegistryRefusedError if there is no response, or the login is refused; CredentialHelperError or
        DockerConfigError if the registry wants a login and Docker's cannot be read.
        """
        access = Access(repository, _ACTIONS[method])
        try:
            base = self._base_url()
            url = path if "://" in path else f"{base}/v2/{repository}/{path}"
            is_registry = url.startswith(f"{base}/")
            authorized = {**(headers or {}), **(self._authentication.headers(access) if is_registry else {})}
            response = self._send(method, url, authorized, content, stream)
            # A server that the registry redirects to does not see the login.
            if response.status_code == httpx.codes.UNAUTHORIZED and str(response.url).startswith(f"{base}/"):
                response.close()
                self._authentication.answer(response, access)
                authorized = {**(headers or {}), **self._authentication.headers(access)}
                response = self._send(method, url, authorized, content, stream)
            self._authentication.check(response)
        except REQUEST_ERRORS as error:
            reason = f"{type(error).__name__}: {error}"
            raise RegistryRefusedError(self.host, f"reach {repository}", reason) from error
        except UnicodeError as error:
            reason = "the login or its token has characters that no request can have"
            raise RegistryRefusedError(self.host, "sign in", reason) from error
        return response

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | Path | None, stream: bool
    ) -> httpx.Response:
        body = FileContent(content) if isinstance(content, Path) else content
        headers = {**headers, **body.headers} if isinstance(body, FileContent) else headers
        # A second POST only begins another upload; the registry forgets one that gets no content.
        extensions = {REPEATABLE: True}
        attempts = self.attempts()
        while True:
            request = self._client.build_request(method, url, headers=headers, content=body, extensions=extensions)
            response = self._client.send(request, stream=stream)
            if not _is_blob_unknown(response) or not attempts.again(error_text(response)):
                return response

    def attempts(self) -> Attempts:
        """Return the attempts at something that takes several requests."""
        return self._policy.start()

    def _ask_token_server(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> httpx.Response:
        # A token that an unseen answer has brought does no harm.
        return self._send(method, url, headers, content, False)

    def _base_url(self) -> str:
        """Return `https://host`, or `http://host` for a registry on loopback without TLS."""
        if not self._base:
            plain = is_loopback(self.host) and not self._speaks_tls()
            self._base = f"{'http' if plain else 'https'}://{self.host}"
        return self._base

    def _speaks_tls(self) -> bool:
        try:
            self._client.get(f"https://{self.host}/v2/", extensions={REPEATABLE: False})
        except httpx.ConnectError as error:
            return "CERTIFICATE" in str(error).upper()
        except httpx.HTTPError:
            return False
        return True


def _is_blob_unknown(response: httpx.Response) -> bool:
    """Return whether a manifest was refused only because another machine uploads one of its blobs."""
    if response.request.method != "PUT" or not response.is_client_error:
        return False
    return any(error.get("code") == _BLOB_UNKNOWN for error in errors_of(response))


def resolve_link(session: RegistrySession, response: httpx.Response, link: str, what: str) -> httpx.URL:
    """Return an address in a response, which may be relative to that of the request. Raises RegistryRefusedError."""
    try:
        return response.url.join(link)
    except httpx.InvalidURL as error:
        raise RegistryRefusedError(session.host, what, f"it answered with the invalid address {link!r}") from error


def raise_for_error(session: RegistrySession, response: httpx.Response, what: str) -> None:
    """Raise RegistryRefusedError for a response that is an error; `what` names what was requested ("list the tags of x")."""
    if response.is_error:
        response.read()
        raise RegistryRefusedError(session.host, what, f"it answered {error_text(response)}")
