"""Digests of inputs: results with the same digest have the same inputs."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

_SHORT = 16


def digest_of(value: object) -> str:
    """Return the sha256, in hex, of plain data (dict, list, str, int, bool, None) as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def short(digest: str) -> str:
    """Return the first 16 characters of a digest, which identify a result in file names and tables."""
    return digest[:_SHORT]


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_files(root: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Return the mode and sha256 of each file by its path below `root`; a folder stands for its files except `__pycache__`.

    The mode is `x` for an executable file, otherwise `-`, because images and containers keep the executable bit.
    """
    result: dict[str, str] = {}
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                mode = "x" if file.stat().st_mode & 0o100 else "-"
                result[file.relative_to(root).as_posix()] = mode + hashlib.sha256(file.read_bytes()).hexdigest()
    return result
