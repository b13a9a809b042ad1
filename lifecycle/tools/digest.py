"""Digests of what goes into a result: same digest, same result."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

_SHORT = 16


def digest_of(value: object) -> str:
    """The sha256, as hex, of plain data (dict, list, str, int, None) in canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def short(digest: str) -> str:
    """The first 16 characters: enough to tell results apart in file names and tables."""
    return digest[:_SHORT]


def digest_of_files(root: Path, paths: Iterable[Path]) -> dict[str, str]:
    """The sha256 of each file by its path below `root`; a folder stands for all files in it, `__pycache__` apart.

    A file's executable bit is part of its digest, since an image or a container carries it on.
    """
    result: dict[str, str] = {}
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                mode = "x" if file.stat().st_mode & 0o100 else "-"
                result[file.relative_to(root).as_posix()] = mode + hashlib.sha256(file.read_bytes()).hexdigest()
    return result
