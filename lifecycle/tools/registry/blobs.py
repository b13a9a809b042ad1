"""The blobs of a registry, named by their sha256: layers and configurations of images.

Source: OCI distribution specification 1.1, "Pulling blobs", "Pushing Blobs" (POST then PUT).
"""

import hashlib
from contextlib import closing
from pathlib import Path

import httpx2 as httpx

from lifecycle.errors import InstallerError, writing
from lifecycle.tools.registry.errors import RegistryRefusedError
from lifecycle.tools.registry.session import RegistrySession, raise_for_error, resolve_link

# The errors of a repeated PUT: an interrupted upload cannot be restarted, and the registry has forgotten a completed one whose
# response was lost. If the blob is missing then, it is uploaded once more from the start.
_UPLOAD_LOST = (httpx.codes.BAD_REQUEST, httpx.codes.NOT_FOUND, httpx.codes.RANGE_NOT_SATISFIABLE)
_UPLOADS = 2


class WrongBlobError(InstallerError):
    """A blob whose content does not match its digest."""

    def __init__(self, host: str, repository: str, digest: str) -> None:
        super().__init__(f"{host}/{repository}: the content of the blob {digest} does not match its digest")


class Blobs:
    """The blobs of one registry. All methods raise RegistryRefusedError."""

    def __init__(self, session: RegistrySession) -> None:
        self._session = session

    def download(self, repository: str, digest: str, to: Path) -> None:
        """Download a blob, by its digest (`sha256:…`), to a file. Raises WrongBlobError if the content does not match."""
        what, attempts = f"read {repository}@{digest}", self._session.attempts()
        while True:
            try:
                obtained = self._download(repository, digest, to, what)
            except httpx.HTTPError as error:
                reason = f"{type(error).__name__}: {error}"
                if not attempts.again(reason):
                    raise RegistryRefusedError(self._session.host, what, reason) from error
            else:
                break
        if digest != f"sha256:{obtained}":
            raise WrongBlobError(self._session.host, repository, digest)

    def _download(self, repository: str, digest: str, to: Path, what: str) -> str:
        """Download a blob, and return its sha256. Raises httpx.HTTPError if its content ends early."""
        found = hashlib.sha256()
        with closing(self._session.request("GET", repository, f"blobs/{digest}", stream=True)) as response:
            raise_for_error(self._session, response, what)
            with writing(to), to.open("wb") as file:
                for chunk in response.iter_bytes(1 << 20):
                    found.update(chunk)
                    file.write(chunk)
        return found.hexdigest()

    def read(self, repository: str, digest: str, *, limit: int) -> bytes:
        """Return the content of a small blob, by its digest (`sha256:…`).

        Raises WrongBlobError if the content does not match, and RegistryRefusedError if it has more than `limit` bytes.
        """
        what = f"read {repository}@{digest}"
        response = self._session.request("GET", repository, f"blobs/{digest}", stream=True)
        with closing(response):
            raise_for_error(self._session, response, what)
            content = b""
            for chunk in response.iter_bytes(1 << 16):
                content += chunk
                if len(content) > limit:
                    raise RegistryRefusedError(self._session.host, what, f"it has more than {limit:,} bytes")
        if digest != f"sha256:{hashlib.sha256(content).hexdigest()}":
            raise WrongBlobError(self._session.host, repository, digest)
        return content

    def upload(self, repository: str, digest: str, content: bytes | Path) -> None:
        """Upload a blob with its digest (`sha256:…`), unless the registry has it."""
        what = f"write {repository}@{digest}"
        for _ in range(_UPLOADS):
            if self._session.request("HEAD", repository, f"blobs/{digest}").is_success:
                return
            started = self._session.request("POST", repository, "blobs/uploads/")
            raise_for_error(self._session, started, what)
            place = resolve_link(self._session, started, started.headers.get("Location", ""), what)
            location = place.copy_merge_params({"digest": digest})
            headers = {"Content-Type": "application/octet-stream"}
            response = self._session.request("PUT", repository, str(location), headers=headers, content=content)
            if response.status_code not in _UPLOAD_LOST:
                break
        raise_for_error(self._session, response, what)
