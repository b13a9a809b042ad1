"""What goes wrong with a registry, and what to do about it."""

import errno

from lifecycle.errors import InstallerError

# How Go's crypto/x509, which the engine is built with, and OpenSSL say that nobody they know has signed it.
_UNTRUSTED = ("signed by unknown authority", "unable to get local issuer", "self-signed", "self signed")
_UNAUTHORISED = ("no basic auth credentials", "unauthorized", "authentication required", "denied", "forbidden")
# With the number of an error of the operating system alone (errno(3)), as Docker's registry says it of a file that it wrote.
_FULL = ("no space left", f'"err": {errno.ENOSPC}')


def hint_for(host: str, said: str) -> str:
    """What to do after a registry, or the engine on its behalf, has said something; empty where that is not known."""
    hints = {
        _UNTRUSTED: f"Its certificate is not trusted: put the authority's into /etc/docker/certs.d/{host}/ca.crt, where the "
        "engine looks too.",
        _UNAUTHORISED: f"Log in with `docker login {host}`, or set INVOKE_REGISTRY_USERNAME and INVOKE_REGISTRY_PASSWORD.",
        _FULL: f"The disk of {host} is full: make room there, and run the command again.",
    }
    return next((hint for words, hint in hints.items() if any(word in said for word in words)), "")


class RegistryRefusedError(InstallerError):
    """A registry that does not answer, or refuses."""

    def __init__(self, host: str, what: str, why: str) -> None:
        super().__init__(
            f"the registry {host}: cannot {what}", details=f"  {why}", resolution=hint_for(host, why.lower())
        )


class DeletionDisabledError(InstallerError):
    """A registry that is set up to delete nothing."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"the registry {host} is set up to delete nothing: allow it there (Docker's: storage.delete.enabled), or leave "
            "out --registry"
        )
