"""The two transports of every HTTP client: one routes a request directly or through a proxy, one sends it again."""

import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import httpx2 as httpx
import socksio

from lifecycle.tools.network.errors import InvalidProxyError
from lifecycle.tools.network.retries import (
    REPEATABLE,
    RetryPolicy,
    answer_text,
    causes,
    may_repeat_answered,
    may_repeat_failed,
    retry_after,
)
from lifecycle.tools.network.settings import NetworkSettings, ProxySetting

# The results of OpenSSL's check for an unknown authority (x509(3), X509_V_ERR_…); a wrong name or date has others.
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21)
_CERTIFICATE = "SSL_CERT_FILE names the file of another authority, such as that of a proxy that inspects TLS"


class RoutingTransport(httpx.BaseTransport):
    """A transport that sends each request as the settings say; `extra` are files of more authorities to trust.

    Nothing of the settings is checked before a request needs it.
    """

    def __init__(self, settings: NetworkSettings, *, limits: httpx.Limits, extra: Sequence[Path]) -> None:
        self._settings, self._limits, self._extra = settings, limits, extra
        self._routes: dict[tuple[str, str], httpx.HTTPTransport] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises httpx.TransportError, InvalidProxyError, InvalidAuthoritiesError."""
        try:
            proxy = self._settings.proxy_for(str(request.url))
        except ValueError as error:
            raise httpx.UnsupportedProtocol(f"the address of {request.url.host!r} is invalid: {error}") from error
        with _explained(request, proxy):
            response = self._route(request.url.scheme, proxy).handle_request(request)
            if proxy and response.status_code == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
                response.close()
                raise httpx.ProxyError(f"{response.status_code} {response.reason_phrase}")
        return response

    def close(self) -> None:
        """Close all connections."""
        for route in self._routes.values():
            route.close()

    def _route(self, scheme: str, proxy: ProxySetting | None) -> httpx.HTTPTransport:
        url = proxy.url if proxy else ""
        with self._lock:
            key = scheme, url
            if key not in self._routes:
                self._routes[key] = httpx.HTTPTransport(
                    # A context reads hundreds of certificates, which a request without TLS does not need.
                    verify=self._context if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                    limits=self._limits,
                    proxy=self._proxy(proxy) if proxy else None,
                )
            return self._routes[key]

    def _proxy(self, setting: ProxySetting) -> httpx.Proxy:
        try:
            return httpx.Proxy(setting.url, ssl_context=self._context if setting.url.startswith("https://") else None)
        except httpx.InvalidURL as error:
            raise InvalidProxyError(setting.variable, setting.value, "its host or port is invalid") from error

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._settings.authorities.context(self._extra)


@contextmanager
def _explained(request: httpx.Request, proxy: ProxySetting | None) -> Iterator[None]:
    """Turn every failure of a request into a TransportError whose text names the proxy, or the limit that was exceeded."""
    through = f" (through the proxy {proxy})" if proxy else ""
    try:
        yield
    except (socksio.ProtocolError, AssertionError) as error:
        # httpcore asserts that a proxy answers in the order of SOCKS5.
        if proxy is None or not proxy.url.startswith("socks"):
            raise
        raise httpx.ProxyError(f"the answer is not that of a SOCKS5 proxy{through}") from error
    except UnicodeError as error:
        raise httpx.UnsupportedProtocol(f"there is no host {request.url.host!r}") from error
    except httpx.ReadTimeout as error:
        raise httpx.ReadTimeout(f"no answer within {_limit(request, 'read')} s{through}") from error
    except httpx.ConnectTimeout as error:
        raise httpx.ConnectTimeout(f"no connection within {_limit(request, 'connect')} s{through}") from error
    except (httpx.ConnectError, httpx.ProxyError) as error:
        untrusted = any(getattr(cause, "verify_code", 0) in _UNKNOWN_AUTHORITY for cause in causes(error))
        raise type(error)(f"{error}{through}{f' ({_CERTIFICATE})' if untrusted else ''}") from error


def _limit(request: httpx.Request, phase: str) -> str:
    return f"{request.extensions.get('timeout', {}).get(phase) or 0:g}"


class RetryingTransport(httpx.BaseTransport):
    """A transport that sends a request again where its policy allows it, and returns the last response."""

    def __init__(self, inner: httpx.BaseTransport, policy: RetryPolicy) -> None:
        self._inner, self._policy = inner, policy

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises the httpx.TransportError of the last attempt."""
        attempts, what = self._policy.start(), f"{request.method} {request.url.host}"
        while True:
            try:
                response = self._inner.handle_request(request)
            except httpx.TransportError as error:
                repeatable = _can_send_again(request) and may_repeat_failed(request, error)
                if not repeatable or not attempts.again(f"{what}: {error}"):
                    raise
                continue
            asked = retry_after(response)
            repeatable = _can_send_again(request) and may_repeat_answered(request, response)
            if not repeatable or not attempts.again(f"{what}: {answer_text(response)}", asked=asked):
                return response
            response.close()

    def close(self) -> None:
        """Close all connections."""
        self._inner.close()


def _can_send_again(request: httpx.Request) -> bool:
    """Return whether the body can be read again: it is bytes, or the sender says so."""
    return isinstance(request.stream, httpx.ByteStream) or bool(request.extensions.get(REPEATABLE))
