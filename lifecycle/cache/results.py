"""A finished result in the cache: its folder, and result.json, which describes its inputs and files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifecycle.errors import InstallerError
from lifecycle.planning.targets import Kind
from lifecycle.tools.digest import sha256_of

RESULT = "result.json"
ARCHIVE = "archive.tar.zst"
# The state of a patch that is in the modules; lifecycle/cache/patch_states.py has all states.
APPLIED = "applied"


class DamagedRecordError(InstallerError):
    """A result.json that lacks what its kind of result needs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder}/{RESULT} is damaged", resolution="Remove that folder and run again.")


class ResultRecord(BaseModel):
    """The part of a result.json that later steps read; other keys are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


class FilesRecord(ResultRecord):
    """The record of every shared result: the sha256 of each file by its name."""

    files: dict[str, str] = Field(min_length=1)


class ModulesRecord(ResultRecord):
    """The record of modules, signed or not: the description of each by its file name, and the state of each patch by its file."""

    modules: dict[str, dict[str, Any]] = Field(min_length=1)
    patches: dict[str, str] = {}


class ArchiveRecord(ResultRecord):
    """The record of an archive: the sha256 of each file in it (`-> target` for a link), and the bytes that it needs unpacked.

    `modes` has the mode of each file and folder. Packaging writes no other than these two.
    """

    contents: dict[str, str] = Field(min_length=1)
    modes: dict[str, Annotated[str, Field(pattern=r"^0(644|755)$")]] = Field(min_length=1)
    unpacked_bytes: int = Field(gt=0)


class UserspaceRecord(ResultRecord):
    """The part of the record of user space that only some drivers have: the lines of lifecycle/pipeline/supported_gpus.py."""

    supported_gpus: list[str] = []


_SHARED_RECORDS: Mapping[Kind, tuple[type[ResultRecord], ...]] = {
    Kind.MODULES: (FilesRecord, ModulesRecord),
    Kind.SIGNED: (FilesRecord, ModulesRecord),
    Kind.USERSPACE: (FilesRecord, ArchiveRecord, UserspaceRecord),
    Kind.ARCHIVE: (FilesRecord, ArchiveRecord, ModulesRecord),
}
_Record = TypeVar("_Record", bound=ResultRecord)


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

    @property
    def modules(self) -> dict[str, dict[str, Any]]:
        """The description of each kernel module, by its file name. Raises DamagedRecordError."""
        return _record(ModulesRecord, self.about, self.folder).modules

    @property
    def patches(self) -> dict[str, str]:
        """The state of each patch for these modules, by its file. Raises DamagedRecordError."""
        return _record(ModulesRecord, self.about, self.folder).patches


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A finished archive: its path, the sha256 of each file in it (`-> target` for a link), and its result.json.

    `modes` has the mode, as in `0755`, of each file and folder. `unpacked_bytes` is the room that the content needs on a disk.
    """

    path: Path
    contents: Mapping[str, str]
    modes: Mapping[str, str]
    unpacked_bytes: int
    about: Mapping[str, object]

    @property
    def modules(self) -> dict[str, dict[str, Any]]:
        """The description of each kernel module, by its file name. Raises DamagedRecordError."""
        return _record(ModulesRecord, self.about, self.path.parent).modules

    @property
    def patches(self) -> dict[str, str]:
        """The state of each patch for these modules, by its file. Raises DamagedRecordError."""
        return _record(ModulesRecord, self.about, self.path.parent).patches

    def has_patch(self, file: str) -> bool:
        """Return whether a patch for these modules was applied. Raises DamagedRecordError if the record does not tell."""
        if file not in self.patches:
            raise DamagedRecordError(self.path.parent)
        return self.patches[file] == APPLIED

    @property
    def supported_gpus(self) -> list[str]:
        """The driver's own list of GPUs, if this is user space that has one. Raises DamagedRecordError."""
        return _record(UserspaceRecord, self.about, self.path.parent).supported_gpus


def archive_of(result: Result) -> Archive:
    """Return a result as an archive. Raises DamagedRecordError."""
    record = _record(ArchiveRecord, result.about, result.folder)
    return Archive(
        path=result.file(ARCHIVE),
        contents=record.contents,
        modes=record.modes,
        unpacked_bytes=record.unpacked_bytes,
        about=result.about,
    )


def missing_fields(kind: Kind, about: Mapping[str, object]) -> list[str]:
    """Return the fields of a shared result.json of a kind that later steps read, and that are missing, empty or of a wrong type."""
    missing: dict[str, None] = {}
    for record in _SHARED_RECORDS[kind]:
        try:
            record.model_validate(dict(about))
        except ValidationError as error:
            missing |= dict.fromkeys(str(problem["loc"][0]) for problem in error.errors())
    return list(missing)


def _record(model: type[_Record], about: Mapping[str, object], folder: Path) -> _Record:
    try:
        return model.model_validate(dict(about))
    except ValidationError as error:
        raise DamagedRecordError(folder) from error
