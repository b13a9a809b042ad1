"""OpenStack Swift: lists, addresses, uploads and checksums of objects.

Objects are downloaded like all other files (transfer.py): the storage URL takes plain HTTP with a token
(OpenStack Object Storage API v1). python-swiftclient signs in, lists and uploads.
"""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.swift_login import swift_connection
from lifecycle.sources.transfer import Address
from lifecycle.tools.digest import sha256_of

SWIFT = "swift:"
SHA256_HEADER = "x-object-meta-sha256"
# Swift's limit for one object is 5 GiB. Smaller segments make a retry after a broken connection cheap.
SEGMENT_BYTES = 1 << 28
_CHUNK = 1 << 20


class ContainerNotFoundError(UsageError):
    """A container that does not exist in the account."""

    def __init__(self, container: str) -> None:
        super().__init__(
            f"Swift: there is no container {container!r} in this account: name an existing one in component.yaml, "
            "or sign in to the account that has it"
        )


class SwiftRequestError(InstallerError):
    """A request that Swift or Keystone refused or did not answer. `action` is a phrase such as `list the container 'c'`."""

    doctor_checks = "the sign-in to Swift"

    def __init__(self, action: str, reason: str, *, unauthorised: bool) -> None:
        hint = "Check the credentials in the environment (ST_… or OS_…)." if unauthorised else ""
        super().__init__(f"Swift: cannot {action}", details=f"  {reason}", resolution=hint)


@dataclass(frozen=True, kw_only=True)
class SwiftObject:
    """An entry of a container's list. `size` is in bytes; `md5` is of the content, or of a large object's manifest."""

    name: str
    size: int
    md5: str


def split_location(location: str) -> tuple[str, str]:
    """Return the container and the object of `swift:container/object`."""
    container, _, name = location.removeprefix(SWIFT).partition("/")
    return container, name


class SwiftSession:
    """A session with one account, which signs in at the first request. Threads may share it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self._connection: Any = None
        self._lock = threading.RLock()

    def headers(self, *, renew: bool) -> Mapping[str, str]:
        """Return the headers that authenticate a request; `renew` gets a new token.

        Raises CredentialsMissingError, SwiftRequestError, as all methods do.
        """
        with self._lock:
            if renew:
                self._connection = None
            with self._request("sign in") as connection:
                return {"X-Auth-Token": connection.token}

    def address(self, container: str, name: str) -> Address:
        """Return the address of an object."""
        with self._request("sign in") as connection:
            return Address(uri=f"{connection.url}/{quote(container)}/{quote(name)}", credentials=self)

    def list_objects(self, container: str, prefix: str) -> list[SwiftObject]:
        """Return all objects whose names begin with a prefix. Raises ContainerNotFoundError."""
        with self._request(f"list the container {container!r}", container) as connection:
            _, entries = connection.get_container(container, prefix=prefix or None, full_listing=True)
            return [SwiftObject(name=e["name"], size=int(e["bytes"]), md5=e["hash"].strip('"')) for e in entries]

    def object_headers(self, container: str, name: str) -> Mapping[str, str]:
        """Return the headers of an object, their names in lower case; {} if there is no such object."""
        found: dict[str, str] = {}
        with self._request(f"read the headers of {container}/{name}", missing_is_fine=True) as connection:
            found.update((key.lower(), str(value)) for key, value in connection.head_object(container, name).items())
        return found

    def upload(self, container: str, name: str, path: Path, sha256: str, *, segment: int = SEGMENT_BYTES) -> None:
        """Upload a file with its sha256 in a header. A file larger than `segment` bytes becomes a static large object.

        Swift checks the MD5 of every part and refuses a damaged one.
        """
        size = path.stat().st_size
        headers = {SHA256_HEADER: sha256}
        with self._request(f"upload {container}/{name}") as connection, path.open("rb") as file:
            connection.put_container(container)
            if size <= segment:
                connection.put_object(
                    container, name, file, content_length=size, etag=_md5(path, 0, size), headers=headers
                )
                return
            segments = f"{container}_segments"
            connection.put_container(segments)
            manifest = []
            for offset in range(0, size, segment):
                length = min(segment, size - offset)
                part, md5 = f"{name}/{sha256}/{offset:015}", _md5(path, offset, length)
                # The segments of an interrupted upload are reused.
                if self.object_headers(segments, part).get("etag") != md5:
                    file.seek(offset)
                    connection.put_object(segments, part, file, content_length=length, etag=md5)
                manifest.append({"path": f"/{segments}/{part}", "etag": md5, "size_bytes": length})
            how = "multipart-manifest=put"
            connection.put_object(container, name, json.dumps(manifest), headers=headers, query_string=how)

    def find_mismatch(self, container: str, name: str, path: Path) -> str:
        """Compare a downloaded file with all checksums of its object, and return the first mismatch, or ""."""
        headers = self.object_headers(container, name)
        if not headers:
            return "the object is gone"
        stated = headers.get(SHA256_HEADER)
        if stated and stated != sha256_of(path):
            return f"its sha256 is not {stated}, which was recorded at its upload"
        offset = 0
        for part in self._segments(container, name, headers):
            if _md5(path, offset, part.size) != part.md5:
                return f"its {part.size} bytes from byte {offset} do not have Swift's MD5 {part.md5}"
            offset += part.size
        return "" if offset == path.stat().st_size else f"it has {path.stat().st_size} bytes instead of {offset}"

    def _segments(self, container: str, name: str, headers: Mapping[str, str]) -> list[SwiftObject]:
        """Return the segments of a large object in order, or the object itself (Swift's documentation, "Large Objects")."""
        if "x-object-manifest" in headers:
            segments, _, prefix = headers["x-object-manifest"].partition("/")
            return self.list_objects(segments, prefix)
        if headers.get("x-static-large-object", "").lower() == "true":
            with self._request(f"read the manifest of {container}/{name}", container) as connection:
                _, manifest = connection.get_object(container, name, query_string="multipart-manifest=get")
            return [SwiftObject(name=e["name"], size=int(e["bytes"]), md5=e["hash"]) for e in json.loads(manifest)]
        return [SwiftObject(name=name, size=int(headers["content-length"]), md5=headers["etag"].strip('"'))]

    @contextmanager
    def _request(self, action: str, container: str = "", *, missing_is_fine: bool = False) -> Iterator[Any]:
        """Yield the connection to one caller at a time, and turn the clients' exceptions into errors of this project."""
        import keystoneauth1.exceptions  # noqa: PLC0415 - hundreds of modules, which only Swift needs
        import requests.exceptions  # noqa: PLC0415
        import swiftclient.exceptions  # noqa: PLC0415

        with self._lock:
            try:
                if self._connection is None:
                    self._connection = swift_connection(self.environ)
                if not self._connection.token:
                    self._connection.get_auth()
                yield self._connection
            except swiftclient.exceptions.ClientException as error:
                if error.http_status == 404 and container:
                    raise ContainerNotFoundError(container) from error
                if error.http_status != 404 or not missing_is_fine:
                    raise SwiftRequestError(
                        action, _describe(error), unauthorised=error.http_status in (401, 403)
                    ) from error
            except keystoneauth1.exceptions.ClientException as error:
                raise SwiftRequestError(action, str(error), unauthorised=True) from error
            except requests.exceptions.RequestException as error:
                raise SwiftRequestError(action, str(error), unauthorised=False) from error


def _describe(error: Any) -> str:  # noqa: ANN401 - swiftclient has no types
    """Return Swift's answer without the address, which may contain the account's name."""
    status = f"{error.http_status} {error.http_reason}".strip() if error.http_status else ""
    return ": ".join(part for part in (str(error.msg), status) if part)


def _md5(path: Path, offset: int, size: int) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        file.seek(offset)
        while size > 0 and (chunk := file.read(min(size, _CHUNK))):
            digest.update(chunk)
            size -= len(chunk)
    return digest.hexdigest()
