"""The network as requests use it: proxies, their exceptions, and the certificate authorities."""

import socket
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from lifecycle.doctor.finding import Finding, Subject
from lifecycle.errors import UsageError
from lifecycle.tools.network.client import CONNECT_SECONDS
from lifecycle.tools.network.settings import SCHEMES, NetworkSettings, ProxySetting, network_settings

_NETWORK = Subject("network")
_SECONDS = CONNECT_SECONDS / 2
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_GUIDE = "docs/how-to/proxies-and-certificates.md"


def check_network(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the proxies that an environment names, whether each answers, and the authorities."""
    settings = network_settings(environ)
    used = {setting.value: setting for setting in settings.proxies.values()}
    for setting in used.values():
        yield _proxy(setting, [scheme for scheme in SCHEMES if settings.proxies.get(scheme) == setting])
    if not used:
        yield _NETWORK.ok("no proxy: every server is reached directly")
    elif settings.no_proxy:
        yield _NETWORK.ok(f"without a proxy: loopback, and what {settings.no_proxy} names")
    if settings.ignored:
        yield _NETWORK.warning(
            f"{settings.no_proxy.partition('=')[0]} has words that are no hosts: {', '.join(settings.ignored)}",
            f"Write host names, addresses or networks ({_GUIDE}).",
        )
    yield _authorities(settings)


def _proxy(setting: ProxySetting, schemes: list[str]) -> Finding:
    try:
        parts = urlsplit(setting.url)
        with socket.create_connection((parts.hostname or "", parts.port or _PORTS[parts.scheme]), timeout=_SECONDS):
            return _NETWORK.ok(f"{' and '.join(f'{scheme}://' for scheme in schemes)} through {setting}")
    except UsageError as error:
        return _NETWORK.failure(error)
    except OSError as error:
        return _NETWORK.error(
            f"the proxy {setting} does not answer: {error.strerror or error}",
            f"Correct or unset {setting.variable}, or name the servers that are reached directly in NO_PROXY ({_GUIDE}).",
        )


def _authorities(settings: NetworkSettings) -> Finding:
    try:
        settings.authorities.context()
    except UsageError as error:
        return _NETWORK.failure(error)
    return _NETWORK.ok(f"certificate authorities: {settings.authorities}")
