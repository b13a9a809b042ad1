"""The function that builds every HTTP client of the project."""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx2 as httpx

from lifecycle.tools.network.request_log import HOOKS
from lifecycle.tools.network.retries import REQUESTS, RetryPolicy
from lifecycle.tools.network.settings import network_settings
from lifecycle.tools.network.transports import RetryingTransport, RoutingTransport

# Seconds to connect. A server that takes longer is down, or a firewall drops what is sent to it.
CONNECT_SECONDS = 10.0
_CONNECTIONS = 10
_log = logging.getLogger(__name__)

# What a request may raise for a bad address or a bad network. Settings raise errors of the project.
REQUEST_ERRORS = (httpx.HTTPError, httpx.InvalidURL)


def open_client(
    *,
    timeout: float = 30.0,
    connections: int = _CONNECTIONS,
    headers: Mapping[str, str] | None = None,
    authorities: Sequence[Path] = (),
    policy: RetryPolicy | None = REQUESTS,
    environ: Mapping[str, str] | None = None,
) -> httpx.Client:
    """Return an HTTP client with the proxies and certificate authorities of an environment (default: this process's).

    `timeout` is the limit in seconds for each wait for the server; connecting has at most CONNECT_SECONDS of it. `authorities`
    are files of more certificate authorities. `policy` is None for a client whose caller makes further attempts itself.
    Redirects are followed. A request raises REQUEST_ERRORS, InvalidProxyError and InvalidAuthoritiesError.
    """
    settings = network_settings(os.environ if environ is None else environ)
    for line in settings.describe():
        _log.debug("%s", line)
    limits = httpx.Limits(max_connections=connections)
    transport: httpx.BaseTransport = RoutingTransport(settings, limits=limits, extra=authorities)
    if policy is not None:
        transport = RetryingTransport(transport, policy)
    return httpx.Client(
        transport=transport,
        trust_env=False,
        follow_redirects=True,
        timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
        event_hooks=HOOKS,
        headers=headers,
    )
