"""Who to be at a registry. A password is never in an argument, a file of ours, or a message."""

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
    """A credential helper of Docker's that does not answer."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"Docker's credentials for {host} cannot be read", details=f"  {why}")


def login_for(host: str, environ: Mapping[str, str]) -> Login | None:
    """Who to be at a registry: by INVOKE_REGISTRY_USERNAME and …_PASSWORD, or by Docker's configuration and its helpers."""
    user, password = environ.get("INVOKE_REGISTRY_USERNAME"), environ.get("INVOKE_REGISTRY_PASSWORD")
    if user and password:
        return Login(user, password)
    try:
        found = docker.auth.resolve_authconfig(docker.auth.load_config(), host) or {}
    except docker.errors.DockerException as error:
        raise CredentialHelperError(host, str(error)) from error
    name, secret = found.get("Username") or found.get("username"), found.get("Password") or found.get("password")
    return Login(str(name), str(secret)) if name and secret else None
