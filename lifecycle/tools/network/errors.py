"""The errors of settings in the environment that say how the network is reached."""

import re

from lifecycle.errors import UsageError

_LOGIN = re.compile(r"\A([a-zA-Z0-9+.-]+://)?.*@", re.DOTALL)


class InvalidProxyError(UsageError):
    """A proxy whose address cannot be used. A user and a password in the address are not shown."""

    def __init__(self, variable: str, value: str, why: str) -> None:
        super().__init__(
            f"{variable}: {without_login(value)!r}: {why}: write http://[user:password@]host:port, or https://, socks5:// or "
            "socks5h://, with %40 for @, %23 for # and %2F for / in a password"
        )


class InvalidAuthoritiesError(UsageError):
    """A file or a folder of certificate authorities that cannot be used; `origin` is the variable that names it, or ""."""

    def __init__(self, origin: str, path: str, why: str) -> None:
        named, remedy = (f"{origin}: {path}", ", or unset the variable") if origin else (path, ", or remove it")
        super().__init__(f"{named}: {why}: put certificates in PEM form there{remedy}")


def without_login(address: str) -> str:
    """Return the address of a proxy without its user and password."""
    return _LOGIN.sub(r"\1", address)
