"""OpenStack Swift: what a container holds, where an object is to be had, and whether it arrived whole.

Objects are downloaded as everything else is (transfer.py): the storage URL takes plain HTTP with a token
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

from lifecycle.cache.result_files import sha256_of
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.swift_login import swift_connection
from lifecycle.sources.transfer import Address

SWIFT = "swift:"
SHA256_HEADER = "x-object-meta-sha256"
# Swift's own limit of one object is 5 GiB; segments of this size can be sent again when a connection breaks.
SEGMENT_BYTES = 1 << 28
_CHUNK = 1 << 20


class NoContainerError(UsageError):
    """A container that the account does not have."""

    def __init__(self, container: str) -> None:
        super().__init__(
            f"Swift: there is no container {container!r} in this account: name one that is there in component.yaml, "
            "or sign in to the account that has it"
        )


class SwiftRefusedError(InstallerError):
    """Swift, or Keystone, that does not answer or refuses."""

    def __init__(self, what: str, why: str, *, unauthorised: bool) -> None:
        hint = "Check the credentials in the environment (ST_… or OS_…)." if unauthorised else ""
        super().__init__(f"Swift: cannot {what}", details=f"  {why}", resolution=hint)


@dataclass(frozen=True, kw_only=True)
class SwiftObject:
    """An object as a listing has it: `size` in bytes, `md5` of its content (of its manifest, where it is a large one)."""

    name: str
    size: int
    md5: str


def split_location(location: str) -> tuple[str, str]:
    """Container and object of `swift:container/object`."""
    container, _, name = location.removeprefix(SWIFT).partition("/")
    return container, name


class SwiftSession:
    """One account, signed in to when first needed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self._connection: Any = None
        self._lock = threading.RLock()

    def headers(self, *, anew: bool) -> Mapping[str, str]:
        """The headers that let a request in; `anew` gets another token, because the first has expired."""
        with self._lock:
            if anew:
                self._connection = None
            with self._asked("sign in") as connection:
                return {"X-Auth-Token": connection.token}

    def address(self, container: str, name: str) -> Address:
        """Where an object is to be had."""
        with self._asked("sign in") as connection:
            return Address(uri=f"{connection.url}/{quote(container)}/{quote(name)}", credentials=self)

    def listing(self, container: str, prefix: str) -> list[SwiftObject]:
        """All objects whose names begin with a prefix, however many pages the answer has; raises NoContainerError."""
        with self._asked(f"list the container {container!r}", container) as connection:
            _, entries = connection.get_container(container, prefix=prefix or None, full_listing=True)
            return [SwiftObject(name=e["name"], size=int(e["bytes"]), md5=e["hash"].strip('"')) for e in entries]

    def about(self, container: str, name: str) -> Mapping[str, str]:
        """An object's headers, in lower case; nothing where there is no such object."""
        found: dict[str, str] = {}
        with self._asked(f"look at {container}/{name}", missing_is_fine=True) as connection:
            found.update((key.lower(), str(value)) for key, value in connection.head_object(container, name).items())
        return found

    def put(self, container: str, name: str, path: Path, sha256: str, *, segment: int = SEGMENT_BYTES) -> None:
        """Upload a file, its sha256 in a header; as a static large object where it is larger than a segment (bytes).

        The MD5 of every part goes along, so that Swift itself refuses what did not arrive whole.
        """
        size = path.stat().st_size
        noted = {SHA256_HEADER: sha256}
        with self._asked(f"upload {container}/{name}") as connection, path.open("rb") as file:
            connection.put_container(container)
            if size <= segment:
                connection.put_object(
                    container, name, file, content_length=size, etag=_md5(path, 0, size), headers=noted
                )
                return
            store = f"{container}_segments"
            connection.put_container(store)
            manifest = []
            for offset in range(0, size, segment):
                length = min(segment, size - offset)
                part, md5 = f"{name}/{sha256}/{offset:015}", _md5(path, offset, length)
                # What an upload that broke off has brought stays there.
                if self.about(store, part).get("etag") != md5:
                    file.seek(offset)
                    connection.put_object(store, part, file, content_length=length, etag=md5)
                manifest.append({"path": f"/{store}/{part}", "etag": md5, "size_bytes": length})
            how = "multipart-manifest=put"
            connection.put_object(container, name, json.dumps(manifest), headers=noted, query_string=how)

    def problem_with(self, container: str, name: str, path: Path) -> str:
        """What differs between a downloaded file and its object, by every checksum that Swift has; nothing if it is whole."""
        about = self.about(container, name)
        if not about:
            return "the object is gone"
        stated = about.get(SHA256_HEADER)
        if stated and stated != sha256_of(path):
            return f"its sha256 is not {stated}, which was noted when it was uploaded"
        offset = 0
        for part in self._segments(container, name, about):
            if _md5(path, offset, part.size) != part.md5:
                return f"its {part.size} bytes from byte {offset} on do not have the MD5 {part.md5} that Swift states"
            offset += part.size
        return "" if offset == path.stat().st_size else f"it has {path.stat().st_size} bytes, and Swift states {offset}"

    def _segments(self, container: str, name: str, about: Mapping[str, str]) -> list[SwiftObject]:
        """A large object's segments in order (Swift's documentation, "Large Objects"), or the object itself."""
        if "x-object-manifest" in about:
            where, _, prefix = about["x-object-manifest"].partition("/")
            return self.listing(where, prefix)
        if about.get("x-static-large-object", "").lower() == "true":
            with self._asked(f"read the manifest of {container}/{name}", container) as connection:
                _, manifest = connection.get_object(container, name, query_string="multipart-manifest=get")
            return [SwiftObject(name=e["name"], size=int(e["bytes"]), md5=e["hash"]) for e in json.loads(manifest)]
        return [SwiftObject(name=name, size=int(about["content-length"]), md5=about["etag"].strip('"'))]

    @contextmanager
    def _asked(self, what: str, container: str = "", *, missing_is_fine: bool = False) -> Iterator[Any]:
        """Yield the connection, one caller at a time; what it raises becomes an error of ours."""
        import keystoneauth1.exceptions  # noqa: PLC0415 - hundreds of modules, for those who use Swift only
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
                    raise NoContainerError(container) from error
                if error.http_status != 404 or not missing_is_fine:
                    raise SwiftRefusedError(what, _said(error), unauthorised=error.http_status in (401, 403)) from error
            except keystoneauth1.exceptions.ClientException as error:
                raise SwiftRefusedError(what, str(error), unauthorised=True) from error
            except requests.exceptions.RequestException as error:
                raise SwiftRefusedError(what, str(error), unauthorised=False) from error


def _said(error: Any) -> str:  # noqa: ANN401 - swiftclient has no types
    """What Swift answered, without the address, which may hold an account's name."""
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
