"""Integrity checks of the cache: inputs and results must have exactly the bytes that were written."""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import zstandard

from lifecycle.cache.cache import read_json
from lifecycle.cache.results import ARCHIVE, RESULT, files_of
from lifecycle.tools.digest import sha256_of


@dataclass(frozen=True, kw_only=True)
class Condition:
    """The condition of an input or a result: `problem` is empty if it is intact.

    `in_part` is True for a result of an older version, whose result.json lacks the sha256 of its files: then only the archive's
    content, or the sizes of the modules, are compared.
    """

    problem: str = ""
    in_part: bool = False


def check_input(path: Path, sha256: str) -> Condition:
    """Compare an input with the sha256 in its name."""
    try:
        obtained = sha256_of(path)
    except OSError as error:
        return Condition(problem=_unreadable(path, error))
    return Condition(problem="" if obtained == sha256 else f"its sha256 is {obtained}")


def check_result(folder: Path) -> Condition:
    """Compare a result's files with its result.json."""
    about = read_json(folder / RESULT)
    if about is None:
        return Condition(problem=f"{RESULT} cannot be read")
    files = about.get("files")
    try:
        if isinstance(files, Mapping):
            return Condition(problem=_difference(files_of(folder), files))
        return Condition(problem=_check_contents_or_sizes(about, folder), in_part=True)
    except OSError as error:
        return Condition(problem=_unreadable(Path(error.filename or folder), error))


def _difference(found: Mapping[str, object], said: Mapping[str, object]) -> str:
    """Return a sentence about the first file in which two listings differ; "" if they are equal."""
    for name in sorted({*found, *said}):
        if name not in found:
            return f"{name} is missing"
        if name not in said:
            return f"{name} is not listed in it"
        if found[name] != said[name]:
            return f"{name} is not as it was written"
    return ""


def _check_contents_or_sizes(about: Mapping[str, object], folder: Path) -> str:
    """Check a result without `files`: an archive by the sha256 in `contents`, modules by their sizes."""
    contents, modules = about.get("contents"), about.get("modules")
    if isinstance(contents, Mapping):
        try:
            with (folder / ARCHIVE).open("rb") as packed:
                return _difference(_content(packed), contents)
        except FileNotFoundError:
            return f"{ARCHIVE} is missing"
        except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
            return f"{ARCHIVE} cannot be unpacked: {error}"
    if isinstance(modules, Mapping):
        sizes = {path.name: path.stat().st_size for path in folder.glob("*.ko")}
        return _difference(sizes, {name: m.get("size") for name, m in modules.items() if isinstance(m, Mapping)})
    return ""


def _content(packed: IO[bytes]) -> dict[str, object]:
    """Return the file digests of a packed folder, as `file_digests` of tools/archive.py."""
    found: dict[str, object] = {}
    with (
        zstandard.ZstdDecompressor().stream_reader(packed) as stream,
        tarfile.open(fileobj=io.BufferedReader(stream), mode="r|") as tar,
    ):
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            if isinstance(file, io.BufferedReader):
                found[member.name] = hashlib.file_digest(file, "sha256").hexdigest()
            elif member.issym():
                found[member.name] = f"-> {member.linkname}"
    return found


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path.name} cannot be read: {error.strerror or error}"
