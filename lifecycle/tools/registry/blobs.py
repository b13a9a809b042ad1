"""What a registry keeps by its sha256: layers, and the configurations of images.

Source: OCI distribution specification 1.1, "Pulling blobs", "Pushing Blobs" (POST then PUT).
"""

import hashlib
from contextlib import closing
from pathlib import Path

import httpx

from lifecycle.errors import InstallerError, writing
from lifecycle.tools.registry.errors import RegistryRefusedError
from lifecycle.tools.registry.session import RegistrySession, check

# An upload that broke off cannot be gone on with as if it had not begun, and one whose answer was lost is not known any more: who
# asks the same again is refused, in these ways. Then it is looked whether the blob is there, and if not it is uploaded anew, once.
_ASKED_TWICE = (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND, httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE)
_UPLOADS = 2


class WrongBlobError(InstallerError):
    """A blob that came as something else than its name says."""

    def __init__(self, host: str, repository: str, digest: str) -> None:
        super().__init__(f"{host}/{repository}: what came for {digest} is something else")


class Blobs:
    """The blobs of one registry. All of it raises RegistryRefusedError."""

    def __init__(self, session: RegistrySession) -> None:
        self._session = session

    def read(self, repository: str, digest: str, to: Path) -> None:
        """Write a blob (`sha256:…`) to a file; raises WrongBlobError where it is not what it is called."""
        what, found = f"read {repository}@{digest}", hashlib.sha256()
        try:
            with closing(self._session.ask("GET", repository, f"blobs/{digest}", stream=True)) as answer:
                check(self._session, answer, what)
                with writing(to), to.open("wb") as file:
                    for chunk in answer.iter_bytes(1 << 20):
                        found.update(chunk)
                        file.write(chunk)
        except httpx.HTTPError as error:
            raise RegistryRefusedError(self._session.host, what, f"{type(error).__name__}: {error}") from error
        if digest != f"sha256:{found.hexdigest()}":
            raise WrongBlobError(self._session.host, repository, digest)

    def write(self, repository: str, digest: str, content: bytes | Path) -> None:
        """Have the registry keep a blob of that digest (`sha256:…`); nothing is sent where it does already."""
        what = f"write {repository}@{digest}"
        for _ in range(_UPLOADS):
            if self._session.ask("HEAD", repository, f"blobs/{digest}").is_success:
                return
            begun = self._session.ask("POST", repository, "blobs/uploads/")
            check(self._session, begun, what)
            place = begun.url.join(begun.headers.get("Location", "")).copy_merge_params({"digest": digest})
            headers = {"Content-Type": "application/octet-stream"}
            answer = self._session.ask("PUT", repository, str(place), headers=headers, content=content)
            if answer.status_code not in _ASKED_TWICE:
                break
        check(self._session, answer, what)
