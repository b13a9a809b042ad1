"""The text files of a clone of the GitOps repository: encodings, symbolic links, submodules."""

import codecs
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lifecycle.errors import UsageError

# The encodings of YAML files that have a byte order mark (YAML 1.2.2, section 5.2). The mark stays in the text.
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class NotTextError(UsageError):
    """A file of the repository that is not text."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path}: not UTF-8 text, nor UTF-16 with a byte order mark: correct the path in component.yaml's gitops"
        )


class LinkedFileError(UsageError):
    """A path that is a symbolic link, or leads through one or through a submodule."""

    def __init__(self, path: str, what: str, remedy: str) -> None:
        super().__init__(f"{path}: {what}: {remedy} in component.yaml's gitops")


@dataclass(frozen=True)
class Files:
    """The files of the repository that a change is based on."""

    folder: Path
    names: tuple[str, ...]

    def read(self, path: str) -> str | None:
        """Return the text of a file with its own line ends; None if the file does not exist.

        Raises NotTextError, LinkedFileError.
        """
        self._refuse_links(path)
        if path not in self.names:
            return None
        data = (self.folder / path).read_bytes()
        try:
            return data.decode(_encoding(data))
        except UnicodeDecodeError as error:
            raise NotTextError(path) from error

    def write(self, path: str, text: str) -> None:
        """Write the text of a file in the file's encoding, or in UTF-8 if the file does not exist. Raises LinkedFileError."""
        self._refuse_links(path)
        place = self.folder / path
        encoding = _encoding(place.read_bytes()) if place.is_file() else "utf-8"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode(encoding))

    def is_link(self, path: str) -> bool:
        """Return whether a path is a symbolic link."""
        return (self.folder / path).is_symlink()

    def _refuse_links(self, path: str) -> None:
        for part in [*reversed(PurePosixPath(path).parents), PurePosixPath(path)]:
            place = self.folder / part
            if place.is_symlink():
                raise self._link_error(path, str(part))
            if str(part) in self.names and place.is_dir():
                raise LinkedFileError(path, f"{part} is a submodule", "name a file of this repository")

    def _link_error(self, path: str, link: str) -> LinkedFileError:
        target = (self.folder / link).readlink()
        inside = PurePosixPath(os.path.normpath(PurePosixPath(link).parent / target))
        what = f"{'it' if link == path else link} is a symbolic link"
        if inside.is_absolute() or ".." in inside.parts:
            return LinkedFileError(path, f"{what} out of the repository, to {target}", "name a file of the repository")
        real = str(inside / PurePosixPath(path).relative_to(link))
        if real not in self.names and not self.is_link(real):
            return LinkedFileError(path, f"{what} to {real}, which does not exist", "name a file of the repository")
        return LinkedFileError(path, f"{what} to {real}, which others may share", f"name {real}")


def _encoding(data: bytes) -> str:
    return _UTF_16.get(data[:2], "utf-8")
