"""A finished result in the cache: its folder, and result.json, which says what it is made of and what its files are."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RESULT = "result.json"


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a result, by its name; result.json is none of them."""
    names = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: sha256_of(path) for name, path in names.items() if name != RESULT}


def described(folder: Path, about: Mapping[str, object]) -> str:
    """The text of the result.json of a folder: what is said about it, and the sha256 of each file."""
    return json.dumps({**about, "files": about.get("files") or files_of(folder)}, indent=1)


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished result: its folder, and what result.json says of it."""

    kind: str
    digest: str
    folder: Path
    about: Mapping[str, object]

    def file(self, name: str) -> Path:
        """A file of the result."""
        return self.folder / name
