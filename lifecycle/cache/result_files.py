"""The folder of a finished result in the cache, with its result.json, which describes its inputs and files."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RESULT = "result.json"


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file of a result by its name, without result.json."""
    names = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: sha256_of(path) for name, path in names.items() if name != RESULT}


def described(folder: Path, about: Mapping[str, object]) -> str:
    """Return the text of a folder's result.json: its description and the sha256 of each file."""
    return json.dumps({**about, "files": about.get("files") or files_of(folder)}, indent=1)


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished result: its folder, and the content of result.json."""

    kind: str
    digest: str
    folder: Path
    about: Mapping[str, object]

    def file(self, name: str) -> Path:
        """Return the path of a file of the result."""
        return self.folder / name
