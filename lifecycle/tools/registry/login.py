"""Who to be at a registry. A password is never in an argument, a file of ours, or a message."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import docker.auth
import docker.errors

from lifecycle.errors import InstallerError


@dataclass(frozen=True)
class Login:
    """A name and a password, which it does not show."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.username!r}, …)"


class CredentialHelperError(InstallerError):
    """A credential helper of Docker's that is not there, or does not answer."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"cannot {what}: Docker's credentials cannot be read: {' '.join(why.split())}",
            resolution="Mend the credential helper (credHelpers, credsStore in Docker's config.json), or set "
            "INVOKE_REGISTRY_USERNAME and INVOKE_REGISTRY_PASSWORD.",
        )


def login_for(host: str, environ: Mapping[str, str]) -> Login | None:
    """Who to be at a registry: by INVOKE_REGISTRY_USERNAME and …_PASSWORD, or by Docker's configuration and its helpers.

    Raises CredentialHelperError.
    """
    user, password = environ.get("INVOKE_REGISTRY_USERNAME"), environ.get("INVOKE_REGISTRY_PASSWORD")
    if user and password:
        return Login(user, password)
    what = f"sign in at {host}"
    try:
        # The SDK warns of a helper that is not there, and then says so by an error too.
        with warnings.catch_warnings(action="ignore"):
            found = docker.auth.resolve_authconfig(docker.auth.load_config(), host) or {}
    except docker.errors.DockerException as error:
        # The SDK puts the helper's own words into the cause, and that one's class name into the error.
        raise CredentialHelperError(what, str(error.__cause__ or error)) from error
    except (ValueError, KeyError) as error:
        raise CredentialHelperError(what, "the helper's answer is none of a credential helper") from error
    name, secret = found.get("Username") or found.get("username"), found.get("Password") or found.get("password")
    return Login(str(name), str(secret)) if name and secret else None
