"""The exceptions of NO_PROXY: the hosts that are reached without a proxy.

The rules are Go's, which container engines, Helm, kubectl and SOPS share (golang.org/x/net/http/httpproxy, `Config.NoProxy`).
Blanks as separators and dots at the end of names are curl's (curl(1), `--noproxy`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_SEPARATOR = re.compile(r"[,\s]+")
_HOST_AND_PORT = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]|(?P<name>[^:;/<>\[\]]+))(?::(?P<port>\d+))?")
_BRACKETS = re.compile(r"\A\[([^\]]*)\](/\d+)?\Z")
_EVERYTHING = "*"


@dataclass(frozen=True, kw_only=True)
class NoProxyEntry:
    """An entry of NO_PROXY: a network or a domain, and a port if it is for one port only.

    A domain that begins with a dot is that of its subdomains alone; `*` is any host.
    """

    network: IPv4Network | IPv6Network | None = None
    domain: str = ""
    port: int | None = None

    def matches(self, host: str, port: int) -> bool:
        """Return whether a host, in lower case and without brackets, at a port is an exception."""
        if self.port not in (None, port):
            return False
        if self.network is not None:
            address = _address(host)
            return address is not None and address in self.network
        if self.domain in (_EVERYTHING, host):
            return True
        return host.endswith(self.domain if self.domain.startswith(".") else f".{self.domain}")


def parse_no_proxy(text: str) -> tuple[tuple[NoProxyEntry, ...], tuple[str, ...]]:
    """Return the entries of a value of NO_PROXY, and the words in it that are none."""
    words = [word for word in _SEPARATOR.split(text) if word]
    parsed = [(word, _parse(word.lower())) for word in words]
    return tuple(entry for _, entry in parsed if entry), tuple(word for word, entry in parsed if not entry)


def is_direct(host: str, port: int, entries: Sequence[NoProxyEntry]) -> bool:
    """Return whether a host is reached without a proxy: it is this machine's loopback, or an entry matches."""
    host = host.lower().strip("[]").rstrip(".")
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(entry.matches(host, port) for entry in entries)


def _parse(word: str) -> NoProxyEntry | None:
    if word == _EVERYTHING:
        return NoProxyEntry(domain=_EVERYTHING)
    network = _network(word)
    if network is not None:
        return NoProxyEntry(network=network)
    match = _HOST_AND_PORT.fullmatch(word)
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else None
    network = _network(match["ipv6"] or match["name"])
    if network is not None:
        return NoProxyEntry(network=network, port=port)
    domain = _domain(match["name"] or "")
    return NoProxyEntry(domain=domain, port=port) if domain else None


def _network(text: str) -> IPv4Network | IPv6Network | None:
    """Return an address or a network in CIDR notation; the address may stand in brackets."""
    try:
        return ip_network(_BRACKETS.sub(r"\1\2", text), strict=False)
    except ValueError:
        return None


def _domain(name: str) -> str:
    """Return a domain as requests have it, in ASCII; "" for one that no host has."""
    name = name.removeprefix("*").rstrip(".")
    try:
        ascii_name = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return ""
    return "" if "*" in ascii_name else ascii_name


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(host)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
