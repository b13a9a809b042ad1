"""The files of an image, read from its archive (`docker save`), layer by layer.

Source: OCI image specification 1.1, "Image Layer Filesystem Changeset" (whiteouts).
"""

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from lifecycle.pipeline.image_archive import UnreadableImageError, open_image

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """A regular file of an image: its size in bytes and the sha256 of its content (hex)."""

    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ImageContents:
    """An image: its configuration, its files and links by path (`usr/bin/bash`), and the content of some files."""

    config: dict[str, Any]
    files: dict[str, ImageFile]
    links: dict[str, str]
    texts: dict[str, str]


def read_contents(archive: Path, wanted: Callable[[str], bool]) -> ImageContents:
    """Return the contents of the image in an archive; `wanted` selects the files, by path, whose content is kept.

    Raises UnreadableImageError.
    """
    files: dict[str, ImageFile] = {}
    links: dict[str, str] = {}
    texts: dict[str, str] = {}
    with open_image(archive) as (config, layers):
        for layer in layers:
            for path, member, stream in _members(layer.stream):
                if _remove(path, files, links):
                    continue
                files.pop(path, None)
                links.pop(path, None)
                if member.issym():
                    links[path] = member.linkname
                elif member.islnk():
                    files[path] = _linked(files, path, member.linkname)
                elif stream is not None:
                    files[path], content = _read(stream, keep=wanted(path))
                    if content is not None:
                        texts[path] = content.decode(errors="replace")
    return ImageContents(
        config=config, files=files, links=links, texts={path: text for path, text in texts.items() if path in files}
    )


def _members(layer: IO[bytes]) -> Iterator[tuple[str, tarfile.TarInfo, IO[bytes] | None]]:
    with tarfile.open(fileobj=layer, mode="r|*") as tar:
        for member in tar:
            yield _normal(member.name), member, tar.extractfile(member) if member.isreg() else None


def _linked(files: dict[str, ImageFile], path: str, target: str) -> ImageFile:
    if (found := files.get(_normal(target))) is None:
        raise UnreadableImageError(f"{path} is a hard link to {target}, which is no file of the image")
    return found


def _normal(name: str) -> str:
    return PurePosixPath("/", name).relative_to("/").as_posix()


def _remove(path: str, files: dict[str, ImageFile], links: dict[str, str]) -> bool:
    """Remove the files that a whiteout hides. Return whether the path is one."""
    name = PurePosixPath(path)
    if not name.name.startswith(_WHITEOUT):
        return False
    if name.name == _OPAQUE:
        hidden = f"{name.parent}/"
        gone = {one for one in (*files, *links) if one.startswith(hidden)}
    else:
        hidden = (name.parent / name.name.removeprefix(_WHITEOUT)).as_posix()
        gone = {one for one in (*files, *links) if one == hidden or one.startswith(f"{hidden}/")}
    for one in gone:
        files.pop(one, None)
        links.pop(one, None)
    return True


def _read(stream: IO[bytes], *, keep: bool) -> tuple[ImageFile, bytes | None]:
    digest, size, kept = hashlib.sha256(), 0, b""
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        kept += chunk if keep else b""
    return ImageFile(size=size, sha256=digest.hexdigest()), kept if keep else None
