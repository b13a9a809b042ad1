"""The login for a registry. A password is never in an argument, in a file of this project, or in a message."""

from dataclasses import dataclass, field

from lifecycle.errors import InstallerError, UsageError

_OTHERWISE = "or set INVOKE_REGISTRY_USERNAME and INVOKE_REGISTRY_PASSWORD."


class CredentialHelperError(InstallerError):
    """A credential helper of Docker that is missing or failed; `why` has its words."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(
            f"cannot sign in at {host}: Docker's credentials cannot be read: {' '.join(why.split())}",
            resolution=f"Repair the credential helper (credHelpers, credsStore in Docker's config.json), {_OTHERWISE}",
        )


class DockerConfigError(UsageError):
    """A file or variable with Docker's logins that cannot be read; `where` names it, with line and key as far as known."""

    def __init__(self, host: str, where: str, why: str) -> None:
        super().__init__(
            f"{where}: {why}, so there is no login for {host}: repair it, run `docker login {host}`, {_OTHERWISE}"
        )


@dataclass(frozen=True)
class Login:
    """A user name and a password, a refresh token, or a token for the registry itself; `repr` hides all but the name.

    `refresh_token` is Docker's identity token, which a token server takes in place of a password. `error` tells why
    Docker's credentials could not be read; such a login has nothing else. As in docker(1), the registry is then asked
    without a login, and the error is raised only if it wants one.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    error: CredentialHelperError | DockerConfigError | None = None

    def for_engine(self) -> dict[str, str]:
        """Return the login as an engine expects it (Docker Engine API, "Authentication")."""
        if self.refresh_token:
            return {"identitytoken": self.refresh_token}
        if self.registry_token:
            return {"registrytoken": self.registry_token}
        return {"username": self.username, "password": self.password} if self.username else {}
