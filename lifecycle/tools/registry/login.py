"""The login for a registry. A password is never in an argument, in a file of this project, or in a message."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import docker.auth
import docker.errors

from lifecycle.errors import InstallerError


@dataclass(frozen=True)
class Login:
    """A user name and a password; `repr` hides the password."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.username!r}, …)"


class CredentialHelperError(InstallerError):
    """A credential helper of Docker that is missing or failed."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"cannot {what}: Docker's credentials cannot be read: {' '.join(why.split())}",
            resolution="Repair the credential helper (credHelpers, credsStore in Docker's config.json), or set "
            "INVOKE_REGISTRY_USERNAME and INVOKE_REGISTRY_PASSWORD.",
        )


def login_for(host: str, environ: Mapping[str, str]) -> Login | None:
    """Return the login for a registry, by its host, or None.

    INVOKE_REGISTRY_USERNAME and INVOKE_REGISTRY_PASSWORD come before Docker's configuration and its credential helpers.
    Raises CredentialHelperError.
    """
    user, password = environ.get("INVOKE_REGISTRY_USERNAME"), environ.get("INVOKE_REGISTRY_PASSWORD")
    if user and password:
        return Login(user, password)
    what = f"sign in at {host}"
    try:
        # The SDK warns of a missing helper, and raises an error for it as well.
        with warnings.catch_warnings(action="ignore"):
            found = docker.auth.resolve_authconfig(docker.auth.load_config(), host) or {}
    except docker.errors.DockerException as error:
        # The message of the helper is in the cause; the error itself only has the name of its class.
        raise CredentialHelperError(what, str(error.__cause__ or error)) from error
    except (ValueError, KeyError) as error:
        raise CredentialHelperError(what, "the credential helper returned invalid output") from error
    name, secret = found.get("Username") or found.get("username"), found.get("Password") or found.get("password")
    return Login(str(name), str(secret)) if name and secret else None
