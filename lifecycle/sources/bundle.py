"""A bundle: inputs as one tar, to be carried to a machine without network. What arrives is trusted as far as versions.lock goes.

bundle.json       what is in it: its format, the tags of the images, and for people the files
blobs/<sha256>    inputs, byte for byte
images/<n>.tar    base images that are pulled, as `docker save` writes them
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

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.errors import InstallerError, UsageError, writing
from lifecycle.tools.archive import tar_header

FORMAT = 1
_INDEX = "bundle.json"
_BLOB = re.compile(r"blobs/([0-9a-f]{64})")
_IMAGE = re.compile(r"images/(\d+)\.tar")
_CHUNK = 1 << 20

# Told the bytes as they go.
Advance = Callable[[int], None]


class NoBundleError(UsageError):
    """A file that is no bundle."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} is no bundle ({why}): name a file that `invoke bundle` has written")


class BundleDamagedError(InstallerError):
    """A bundle that does not hold what it has to."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} was damaged on its way: {why}",
            resolution="What had arrived whole was kept. Compare its sha256 with the original's, and copy it again.",
        )


@dataclass(frozen=True, kw_only=True)
class BundledImage:
    """A base image in a bundle: its tag in the engine, and its tar."""

    tag: str
    tar: Path


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """What a bundle brought: the sha256 of each file that the lock names, and the images' tars by their tags."""

    files: Sequence[str]
    others: int
    images: Mapping[str, Path]


def write_bundle(
    path: Path, files: Sequence[LockedFile], images: Sequence[BundledImage], cache: Cache, *, advance: Advance
) -> None:
    """Write files of the store, and images; the same ones give the same bytes. The bundle gets its name when it is whole."""
    part = path.with_name(f".{path.name}.part")
    named = [{"name": file.name, "version": file.version, "sha256": file.sha256} for file in files]
    index = {"format": FORMAT, "images": [image.tag for image in images], "files": named}
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


def read_bundle(path: Path, known: Collection[str], cache: Cache, folder: Path, *, advance: Advance) -> Arrived:
    """Bring a bundle's files into the store, each verified, and its images into a folder.

    `known` are the sha256 that versions.lock names: other files are left out. Raises NoBundleError, BundleDamagedError.
    """
    files: list[str] = []
    images: dict[str, Path] = {}
    others = 0
    if not path.is_file() or not tarfile.is_tarfile(path):
        raise NoBundleError(path, "it is no tar" if path.exists() else "there is no such file")
    try:
        with path.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
            tags = _tags(path, tar)
            # `next`, because iterating begins anew, with the index.
            while (member := tar.next()) is not None:
                blob, image = _BLOB.fullmatch(member.name), _IMAGE.fullmatch(member.name)
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or not (blob or (image and int(image[1]) < len(tags))):
                    raise BundleDamagedError(path, f"it holds {member.name!r}, which is no part of a bundle")
                if image:
                    images[tags[int(image[1])]] = _copy(content, folder / f"{int(image[1])}.tar")
                elif blob and blob[1] in known:
                    _keep(path, content, blob[1], cache)
                    files.append(blob[1])
                else:
                    others += 1
                advance(member.size)
    except (tarfile.ReadError, EOFError) as error:
        raise BundleDamagedError(path, f"it ends too early ({error})") from error
    finally:
        cache.save_index()
    return Arrived(files=files, others=others, images=images)


def _tags(path: Path, tar: tarfile.TarFile) -> list[str]:
    """The images' tags, of the index, which comes first."""
    first = tar.next()
    content = tar.extractfile(first) if first is not None and first.name == _INDEX else None
    if content is None:
        raise NoBundleError(path, f"it does not begin with {_INDEX}")
    try:
        index = json.loads(content.read())
        tags = [str(tag) for tag in index["images"]]
        if index["format"] != FORMAT:
            raise NoBundleError(path, f"its format is {index['format']!r}, and this is for {FORMAT}")
    except (ValueError, KeyError, TypeError) as error:
        raise NoBundleError(path, f"its {_INDEX} cannot be read") from error
    return tags


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
        raise BundleDamagedError(path, f"blobs/{sha256} has the sha256 {digest.hexdigest()}")
    cache.keep_blob(part, sha256)


def _copy(content: IO[bytes], to: Path) -> Path:
    with writing(to), to.open("wb") as out:
        shutil.copyfileobj(content, out, _CHUNK)
    return to


def saved_tags(tar: Path) -> list[str]:
    """The names that the images of a `docker save` archive would get; none where it cannot be read as one."""
    try:
        with tarfile.open(tar) as archive:
            manifest = archive.extractfile("manifest.json")
            images = json.load(manifest) if manifest else []
        return [str(tag) for image in images for tag in image["RepoTags"] or []]
    except (tarfile.TarError, ValueError, KeyError, TypeError):
        return []
