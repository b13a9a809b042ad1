"""Files and results in a cache, with a given age."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.planning.targets import Kind

# What no lock names, and no target is called.
OTHER = "f" * 64
NOW = float(int(time.time()))


def written(path: Path, content: str = "content", *, age: float = 0) -> Path:
    """Write a file that was last modified `age` seconds before NOW."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    aged(path, age)
    return path


def aged(path: Path, age: float) -> None:
    """Set the times of a file, or of a folder and all of its content, to `age` seconds before NOW."""
    for one in [*path.rglob("*"), path]:
        os.utime(one, (NOW - age, NOW - age), follow_symlinks=False)


def kept_input(cache: Cache, sha256: str, *, age: float = 0) -> Path:
    return written(cache.blob(sha256), age=age)


def kept_result(cache: Cache, kind: str, digest: str, *, age: float = 0) -> Path:
    with cache.making(kind, digest, {"name": "a name"}) as folder:
        (folder / "file").write_text(digest)
    path = cache.root / "results" / kind / digest
    aged(path, age)
    return path


def results(digests: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs of kind and digest that a cache holds; the engine has the others."""
    return [(kind, digest) for kind, digest in digests if kind not in (Kind.BASE, Kind.IMAGE)]


def everything(root: Path) -> dict[Path, bytes]:
    """Return the content of all files below a folder by relative path, with links followed."""
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
