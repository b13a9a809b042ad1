"""Bulletins from a folder, an archive or a URL, such as a clone or an archive of NVIDIA/product-security on GitHub."""

import gzip
import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lifecycle.advisories.csaf import BadBulletinError, Bulletin, read_bulletin
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.transfer import Address, AddressNotFoundError, TransferFailedError, new_client, transfer
from lifecycle.tools.digest import sha256_of
from lifecycle.tools.network.errors import without_login
from lifecycle.tools.paths import expand

_URL_SCHEMES = ("https://", "http://")
# Records of single vulnerabilities lie beside each bulletin. They are in another format.
_CVE_RECORD = "CVE-"
# The largest document that is read, in bytes.
_LARGEST = 1 << 24
_CHUNK = 1 << 20
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile)


class NoBulletinsError(UsageError):
    """A place without bulletins."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}: name a folder, an archive or a URL with CSAF documents (--source)")


class WrongDigestError(InstallerError):
    """A file that is not the one that was pinned."""

    def __init__(self, place: str, found: str, pinned: str) -> None:
        super().__init__(
            f"{place} has the sha256 {found}, not {pinned}",
            resolution="Find out which bulletins changed, and pin the new file in component.yaml (advisories.sha256).",
        )


def read_bulletins(place: str, sha256: str, root: Path, scratch: Path) -> list[Bulletin]:
    """Return the bulletins at a place: a URL, or a path below `root` if it is relative.

    `sha256` (hex) pins an archive or a single file, "" pins nothing. Raises NoBulletinsError, WrongDigestError, BadBulletinError,
    BadPathError, and DownloadFailedError for a URL that cannot be read.
    """
    if place.startswith(_URL_SCHEMES):
        shown, path = without_login(place), scratch / "download"
        _download(place, shown, path)
    else:
        shown, path = place, root / expand(place, name="the source of bulletins")
    if not path.exists():
        raise NoBulletinsError(shown, "does not exist")
    if sha256:
        _check(shown, path, sha256)
    try:
        found = [read_bulletin(name, content) for name, content in _documents(path)]
    except _DAMAGE as error:
        raise BadArchiveError(shown, str(error)) from error
    if not found:
        raise NoBulletinsError(shown, "has no CSAF documents")
    return found


class BadArchiveError(InstallerError):
    """An archive that is damaged or truncated."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place} is not a complete archive: {why}", resolution="Get it again.")


class DownloadFailedError(InstallerError):
    """A URL that cannot be read."""

    def __init__(self, shown: str, why: str) -> None:
        super().__init__(f"cannot download {shown}: {why}", resolution="Correct the URL, or name a local copy.")


def _download(place: str, shown: str, path: Path) -> None:
    try:
        with new_client(1) as client:
            transfer(client, Address(uri=place), path)
    except AddressNotFoundError as error:
        raise DownloadFailedError(shown, "it does not exist") from error
    except TransferFailedError as error:
        raise DownloadFailedError(shown, str(error)) from error


def _check(shown: str, path: Path, sha256: str) -> None:
    if path.is_dir():
        raise NoBulletinsError(shown, "is a folder, which advisories.sha256 cannot pin")
    if (found := sha256_of(path)) != sha256:
        raise WrongDigestError(shown, found, sha256)


def _documents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each CSAF document."""
    if path.is_dir():
        yield from _in_folder(path)
    elif zipfile.is_zipfile(path):
        yield from _in_zip(path)
    elif tarfile.is_tarfile(path):
        yield from _in_tar(path)
    else:
        yield path.name, path.read_bytes()


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the documents below a folder. A checksum beside one (`1234.json.sha256`) has to match."""
    for file in sorted(folder.rglob("*.json")):
        if _is_bulletin(file.name, file.stat().st_size):
            content = file.read_bytes()
            _check_beside(file, content)
            yield file.name, content


def _in_zip(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if _is_bulletin(entry.filename, entry.file_size):
                yield entry.filename, archive.read(entry)


def _in_tar(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as tar:
        for member in tar:
            stream = tar.extractfile(member) if _is_bulletin(member.name, member.size) else None
            if stream is not None:
                yield member.name, stream.read()
        _require_end(tar)


def _require_end(tar: tarfile.TarFile) -> None:
    """Raise an error of _DAMAGE unless only zeros follow the last member: tarfile takes a damaged header for the end."""
    while tar.fileobj and (chunk := tar.fileobj.read(_CHUNK)):
        if chunk.strip(b"\0"):
            raise tarfile.ReadError("a header is damaged")


def _is_bulletin(name: str, size: int) -> bool:
    file = PurePosixPath(name).name
    if not file.endswith(".json") or file.startswith(_CVE_RECORD):
        return False
    # A bulletin that is left out would pass for one without holes.
    if size > _LARGEST:
        raise BadBulletinError(name, f"it has more than {_LARGEST:,} bytes")
    return True


def _check_beside(file: Path, content: bytes) -> None:
    beside = file.with_name(f"{file.name}.sha256")
    if beside.exists():
        pinned, found = beside.read_text(errors="replace").split()[:1], hashlib.sha256(content).hexdigest()
        if pinned != [found]:
            raise WrongDigestError(str(file), found, " ".join(pinned))
