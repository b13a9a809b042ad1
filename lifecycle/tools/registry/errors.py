"""The errors of a registry, and their solutions."""

import errno
import re
from datetime import UTC, datetime

from lifecycle.errors import InstallerError

# The messages of Go's crypto/x509, which the engine uses, and of OpenSSL for a certificate of an unknown authority.
_UNTRUSTED = ("signed by unknown authority", "unable to get local issuer", "self-signed", "self signed")
# Their messages for a certificate that is not valid now, or by a clock that is wrong.
_NOT_VALID_NOW = ("certificate has expired", "not yet valid")
_UNAUTHORISED = ("no basic auth credentials", "unauthorized", "authentication required", "denied", "forbidden")
# The words of our HTTP client for a request that went through a proxy and got no answer of the registry.
_PROXIED = ("(through the proxy",)
# The words of the system for a host without such a service, or without an address.
_ABSENT = ("connection refused", "name or service not known", "no address associated", "no such host")
# Docker's registry reports a failed write with the number of the error alone (errno(3)).
_DISK_FULL = ("no space left", f'"err": {errno.ENOSPC}')
# The words of engines and registries for a failure after which the same push or pull may succeed.
_PASSING = re.compile(
    r"connection re(?:fused|set)|broken pipe|\bEOF\b|timeout|try again|unavailable|too ?many ?requests|500 int|\b(?:429|50[234])\b",
    re.IGNORECASE,
)


def is_passing(message: str) -> bool:
    """Return whether the same push or pull may succeed after an error of an engine or a registry."""
    return bool(_PASSING.search(message))


def wants_login(message: str) -> bool:
    """Return whether an error message of a registry, or of the engine about it, asks for a login."""
    return any(words in message.lower() for words in _UNAUTHORISED)


def is_absent(message: str) -> bool:
    """Return whether an error message says that nothing listens at a registry's address."""
    return any(words in message.lower() for words in _ABSENT)


def hint_for(host: str, message: str) -> str:
    """Return the solution for an error message of a registry, or of the engine about it; "" for an unknown one."""
    hints = {
        _PROXIED: f"Ask whoever runs the proxy to allow {host}, or name it in NO_PROXY if it is reached without the proxy.",
        _UNTRUSTED: f"Its certificate is not trusted: put the certificate of its authority into "
        f"/etc/docker/certs.d/{host}/ca.crt, where the engine looks too.",
        _NOT_VALID_NOW: f"Its certificate is not valid at {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, the time of this machine: "
        f"correct the clock, or renew the certificate of {host}.",
        _UNAUTHORISED: f"Log in with `docker login {host}`, or set INVOKE_REGISTRY_USERNAME and INVOKE_REGISTRY_PASSWORD.",
        _ABSENT: f"No registry answers at {host}: start it, or correct its name in component.yaml.",
        _DISK_FULL: f"The disk of {host} is full: free some space there, and run the command again.",
    }
    return next((hint for words, hint in hints.items() if any(word in message for word in words)), "")


class RegistryRefusedError(InstallerError):
    """A registry that does not respond, or refuses a request."""

    doctor_checks = "the registry, the login and the right to push"

    def __init__(self, host: str, what: str, why: str) -> None:
        super().__init__(
            f"the registry {host}: cannot {what}", details=f"  {why}", resolution=hint_for(host, why.lower())
        )


class DeletionDisabledError(InstallerError):
    """A registry with deletion turned off."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"the registry {host} does not allow deletion: turn it on there (Docker's: storage.delete.enabled), or leave "
            "out --registry"
        )
