"""Bundles: tar files that carry inputs to a machine without network. versions.lock decides which of their files are imported.

bundle.json       the format, the tags of the images, and a list of the files for people
blobs/<sha256>    the inputs, unchanged
images/<n>.tar    the pulled base images, as `docker save` writes them
"""

import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import BaseModel, Field, ValidationError

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.errors import InstallerError, UsageError, writing
from lifecycle.tools.archive import tar_header

FORMAT = 1
_INDEX = "bundle.json"
_BLOB = re.compile(r"blobs/([0-9a-f]{64})")
_IMAGE = re.compile(r"images/(\d+)\.tar")
_CHUNK = 1 << 20
# 100,000 files of 300 characters each, in bytes.
_LARGEST_INDEX = 30_000_000

# Called with the number of bytes just read or written.
Advance = Callable[[int], None]


class _Index(BaseModel):
    """The part of bundle.json that is read."""

    format: int = Field(strict=True)
    images: list[str]


class NotABundleError(UsageError):
    """A file that is not a bundle, or of another format."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is not a bundle ({reason}): name a file written by `invoke bundle`")


class CorruptBundleError(InstallerError):
    """A bundle that is cut off or changed."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path} is damaged: {problem}",
            resolution="Copy it again, and compare its sha256 with the original's. The files before the damage were imported.",
        )


@dataclass(frozen=True, kw_only=True)
class BundledImage:
    """A base image in a bundle: its tag in the engine, and its tar file."""

    tag: str
    tar: Path


@dataclass(frozen=True, kw_only=True)
class BundleContents:
    """The imported content of a bundle: the sha256 of the files, the number of skipped files, and the images' tar files by tag."""

    files: Sequence[str]
    skipped: int
    images: Mapping[str, Path]


def write_bundle(
    path: Path, files: Sequence[LockedFile], images: Sequence[BundledImage], cache: Cache, *, advance: Advance
) -> None:
    """Write a bundle of cached files and images. Equal content gives equal bytes. The file gets its name once it is complete.

    Raises OSError if a file is missing from the cache or the bundle cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    listed = [{"name": file.name, "version": file.version, "sha256": file.sha256} for file in files]
    index = {"format": FORMAT, "images": [image.tag for image in images], "files": listed}
    text = (json.dumps(index, indent=1) + "\n").encode()
    contents = [(f"blobs/{file.sha256}", cache.blob(file.sha256)) for file in files]
    contents += [(f"images/{number}.tar", image.tar) for number, image in enumerate(images)]
    try:
        with writing(path), tarfile.open(part, mode="w", format=tarfile.PAX_FORMAT) as tar:
            tar.addfile(tar_header(_INDEX, size=len(text)), io.BytesIO(text))
            for name, source in contents:
                with source.open("rb") as file:
                    tar.addfile(tar_header(name, size=source.stat().st_size), file)
                advance(source.stat().st_size)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_bundle(path: Path, known: Collection[str], cache: Cache, folder: Path, *, advance: Advance) -> BundleContents:
    """Import a bundle: verify its files into the cache, and extract its images into `folder`.

    `known` has the sha256 that versions.lock names; other files are skipped. Raises NotABundleError, CorruptBundleError.
    """
    files: list[str] = []
    images: dict[str, Path] = {}
    skipped = 0
    if not path.is_file() or not tarfile.is_tarfile(path):
        raise NotABundleError(path, "it is not a tar file" if path.exists() else "there is no such file")
    try:
        with path.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
            tags = _tags(path, tar)
            # Iterating over the tar would start at the index again; `next` continues after it.
            while (member := tar.next()) is not None:
                blob, image = _BLOB.fullmatch(member.name), _IMAGE.fullmatch(member.name)
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or not (blob or (image and int(image[1]) < len(tags))):
                    raise CorruptBundleError(path, f"it contains {member.name!r}, which does not belong in a bundle")
                if image:
                    images[tags[int(image[1])]] = _copy(content, folder / f"{int(image[1])}.tar")
                elif blob and blob[1] in known:
                    _keep(path, content, blob[1], cache)
                    files.append(blob[1])
                else:
                    skipped += 1
                advance(member.size)
    except (tarfile.ReadError, EOFError) as error:
        raise CorruptBundleError(path, f"it ends too early ({error})") from error
    finally:
        cache.save_index()
    return BundleContents(files=files, skipped=skipped, images=images)


def _tags(path: Path, tar: tarfile.TarFile) -> list[str]:
    """Return the images' tags from the index, which must be the first member. Raises NotABundleError."""
    first = tar.next()
    content = tar.extractfile(first) if first is not None and first.name == _INDEX and first.isreg() else None
    if content is None:
        raise NotABundleError(path, f"it does not begin with the file {_INDEX}")
    try:
        index = _Index.model_validate_json(content.read(_LARGEST_INDEX))
    except ValidationError as error:
        raise NotABundleError(path, f"its {_INDEX} cannot be read") from error
    if index.format != FORMAT:
        raise NotABundleError(path, f"its format is {index.format}, not {FORMAT}")
    return index.images


def _keep(path: Path, content: IO[bytes], sha256: str, cache: Cache) -> None:
    if cache.has_blob(sha256):
        return
    part = cache.part(f"{sha256}.bundle")
    digest = hashlib.sha256()
    with writing(part), part.open("wb") as out:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != sha256:
        part.unlink()
        raise CorruptBundleError(path, f"blobs/{sha256} has the sha256 {digest.hexdigest()}")
    cache.keep_blob(part, sha256)


def _copy(content: IO[bytes], to: Path) -> Path:
    with writing(to), to.open("wb") as out:
        shutil.copyfileobj(content, out, _CHUNK)
    return to


def is_bundle(path: Path) -> bool:
    """Return whether a file is a tar that begins as a bundle does. Raises OSError if it cannot be read."""
    try:
        with tarfile.open(path, "r:") as tar:
            first = tar.next()
    except tarfile.TarError:
        return False
    return first is not None and first.name == _INDEX


def saved_tags(tar: Path) -> list[str]:
    """Return the tags that `docker load` would give to the images in a `docker save` archive; [] if it is not one."""
    try:
        with tarfile.open(tar) as archive:
            manifest = archive.extractfile("manifest.json")
            images = json.load(manifest) if manifest else []
        return [str(tag) for image in images for tag in image["RepoTags"] or []]
    except (tarfile.TarError, ValueError, KeyError, TypeError, RecursionError):
        return []
