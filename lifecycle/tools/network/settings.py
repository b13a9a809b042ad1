"""The network as this process uses it: the proxies, their exceptions and the certificate authorities of an environment.

The variables are those of Go and curl (golang.org/x/net/http/httpproxy, `FromEnvironment`; curl(1), "ENVIRONMENT"): HTTP_PROXY,
HTTPS_PROXY and NO_PROXY, and curl's ALL_PROXY for a scheme that has no proxy of its own. Each counts in lower case too; the one in
upper case wins, as in Go. An empty one is not set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lifecycle.tools.network.authorities import Authorities, find_authorities
from lifecycle.tools.network.errors import InvalidProxyError, without_login
from lifecycle.tools.network.no_proxy import NoProxyEntry, is_direct, parse_no_proxy

SCHEMES = ("http", "https")
_PORTS = {"http": 80, "https": 443}
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, kw_only=True)
class ProxySetting:
    """A proxy as a variable names it. Its text has no user and no password."""

    variable: str
    value: str

    def __str__(self) -> str:
        return f"{without_login(self._address)} of {self.variable}"

    def __repr__(self) -> str:
        return f"ProxySetting({self})"

    @property
    def _address(self) -> str:
        return self.value if "://" in self.value else f"http://{self.value}"

    @property
    def url(self) -> str:
        """The address of the proxy, with its user and password. Raises InvalidProxyError."""
        scheme, host = _scheme_and_host(self._address)
        if scheme and scheme not in _PROXY_SCHEMES:
            raise InvalidProxyError(self.variable, self.value, f"a proxy of the kind {scheme}:// is not supported")
        if not host or any(sign.isspace() or not sign.isprintable() for sign in self.value):
            raise InvalidProxyError(self.variable, self.value, "its host or port is invalid")
        return self._address


def _scheme_and_host(address: str) -> tuple[str, str]:
    """Return the scheme and the host of an address; two empty texts for an invalid one, whose reason may quote a password."""
    try:
        parts = urlsplit(address)
        # A sign such as # or / in a password ends what is taken for the host.
        is_torn = "@" in parts.path + parts.query + parts.fragment
        return ("", "") if is_torn or parts.port == 0 else (parts.scheme, parts.hostname or "")
    except ValueError:
        return "", ""


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The settings of an environment. Nothing has been opened or checked.

    `proxies` has the proxy of each scheme, if it has one. `no_proxy` is the variable of the exceptions with its value, `exceptions`
    are its entries, and `ignored` the words in it that are no entries.
    """

    proxies: Mapping[str, ProxySetting]
    no_proxy: str
    exceptions: tuple[NoProxyEntry, ...]
    ignored: tuple[str, ...]
    authorities: Authorities

    def proxy_for(self, url: str) -> ProxySetting | None:
        """Return the proxy for an address, or None if it is reached directly. Raises ValueError for an invalid address."""
        parts = urlsplit(url)
        proxy = self.proxies.get(parts.scheme)
        port = parts.port or _PORTS.get(parts.scheme, 0)
        return None if proxy is None or is_direct(parts.hostname or "", port, self.exceptions) else proxy

    def describe(self) -> tuple[str, ...]:
        """Return the settings as lines for people, each with the variable that it comes from, and without passwords."""
        lines = [f"{scheme}://: {self._describe_proxy(scheme)}" for scheme in SCHEMES]
        if self.proxies and self.no_proxy:
            lines.append(f"without a proxy: loopback, and what {self.no_proxy} names")
        if self.ignored:
            lines.append(f"not understood in {self.no_proxy}: {', '.join(self.ignored)}")
        return (*lines, f"certificate authorities: {self.authorities}")

    def _describe_proxy(self, scheme: str) -> str:
        return f"through {self.proxies[scheme]}" if scheme in self.proxies else "without a proxy"


def network_settings(environ: Mapping[str, str]) -> NetworkSettings:
    """Return the network settings of an environment."""
    found = {scheme: _first_set(environ, f"{scheme}_proxy", "all_proxy") for scheme in SCHEMES}
    name, text = _first_set(environ, "no_proxy")
    exceptions, ignored = parse_no_proxy(text)
    return NetworkSettings(
        proxies={scheme: ProxySetting(variable=name, value=value) for scheme, (name, value) in found.items() if value},
        no_proxy=f"{name}={text}" if text else "",
        exceptions=exceptions,
        ignored=ignored,
        authorities=find_authorities(environ),
    )


def _first_set(environ: Mapping[str, str], *names: str) -> tuple[str, str]:
    """Return the first variable that is set, in upper or lower case, and its value; two empty texts if none is."""
    spellings = (spelling for name in names for spelling in (name.upper(), name))
    return next(((name, environ[name].strip()) for name in spellings if environ.get(name, "").strip()), ("", ""))
