"""The form of an engine's address, checked before anything connects to it."""

from urllib.parse import SplitResult, urlsplit

from lifecycle.errors import UsageError
from lifecycle.tools.network.errors import without_login

# The schemes with a host, and docker(1)'s ports for an address that names none, without TLS and with it (dockerd(8), --host).
_TCP = ("tcp", "http", "https")
_PORT, _TLS_PORT = 2375, 2376


class InvalidEngineAddressError(UsageError):
    """An address that no engine can have. A user and a password in it are not shown."""

    def __init__(self, setting: str, url: str, why: str) -> None:
        super().__init__(
            f"{setting}: {without_login(url)!r}: {why}: write ssh://[user@]host, tcp://host:port or unix:///path/to/docker.sock"
        )


def checked_url(url: str, setting: str, *, tls: bool) -> str:
    """Return an address with its scheme in small letters, and with docker(1)'s port if a TCP address has none.

    `setting` names the option or variable in the error. An ssh:// address is checked where ssh is started. Raises
    InvalidEngineAddressError.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme == "ssh":
        return f"{scheme}://{rest}"
    if scheme == "unix":
        if not rest.strip("/"):
            raise InvalidEngineAddressError(setting, url, "it names no socket")
        return f"{scheme}://{rest}"
    if scheme not in _TCP:
        raise InvalidEngineAddressError(setting, url, f"{scheme}:// is not supported")
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidEngineAddressError(setting, url, "its host or port is invalid") from error
    if why := _problem(parts):
        raise InvalidEngineAddressError(setting, url, why)
    shown = f"[{host}]" if ":" in str(host) else host
    return f"{scheme}://{shown}:{port or (_TLS_PORT if tls else _PORT)}{parts.path}"


def _problem(parts: SplitResult) -> str:
    if not parts.hostname:
        return "it names no host"
    if "@" in parts.netloc:
        return "it contains a user or a password, which engines do not take"
    invalid = parts.port == 0 or any(sign.isspace() or not sign.isprintable() for sign in parts.netloc)
    return "its host or port is invalid" if invalid else ""
