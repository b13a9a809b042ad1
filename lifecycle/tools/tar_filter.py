"""Safe unpacking of tar archives, also by the Python of Debian 12, whose tarfile has no filters.

The rules are those of the `data` filter (PEP 706): no absolute paths, no `..`, no links that lead out, no devices. Python has it
since 3.11.4, and Debian 12 has 3.11.2 without it. There, `strict_member` checks the same.
"""

import copy
import os
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

# Returns the member to unpack in place of another one, or None to leave it out.
Choose = Callable[[tarfile.TarInfo], tarfile.TarInfo | None]
_HAS_FILTERS = hasattr(tarfile, "data_filter")
_FOLDER_MODE = 0o755


class UnsafeMemberError(Exception):
    """A member of an archive that breaks a rule, by its name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def safe_member(member: tarfile.TarInfo, folder: Path) -> tarfile.TarInfo:
    """Return a member as the `data` filter leaves it: without an owner, and with a harmless mode. Raises UnsafeMemberError."""
    if not _HAS_FILTERS:
        return strict_member(member, folder)
    try:
        return tarfile.data_filter(member, str(folder))
    except tarfile.FilterError as error:
        raise UnsafeMemberError(error.tarinfo.name) from error


def extract_members(tar: tarfile.TarFile, folder: Path, choose: Choose = lambda member: member) -> None:
    """Unpack the members that `choose` returns of the safe ones into a folder.

    Raises UnsafeMemberError, and tarfile.ExtractError for a hard link to a file that was left out.
    """
    trusted = {"filter": "fully_trusted"} if _HAS_FILTERS else {}
    for member in tar:
        chosen = choose(safe_member(member, folder))
        if chosen is None:
            continue
        # tarfile would read a stream backwards for it; some versions end with a ValueError.
        if chosen.islnk() and not os.path.lexists(folder / chosen.linkname):
            msg = f"{chosen.name} is a hard link to {chosen.linkname}, which is not unpacked"
            raise tarfile.ExtractError(msg)
        tar.extract(chosen, folder, **trusted)  # type: ignore[arg-type]


def strict_member(member: tarfile.TarInfo, folder: Path) -> tarfile.TarInfo:
    """Return a member as `safe_member` does, by checks of our own. Raises UnsafeMemberError."""
    safe, root = copy.copy(member), os.path.realpath(folder)
    safe.name = member.name.lstrip("/")
    links = member.issym() or member.islnk()
    if not (links or member.isreg() or member.isdir()) or not _is_inside(root, safe.name):
        raise UnsafeMemberError(member.name)
    if links:
        base = PurePosixPath(safe.name).parent if member.issym() else PurePosixPath()
        # A folder on the way may be a link itself, so the target counts with its `..` and without.
        targets = (member.linkname, os.path.normpath(member.linkname))
        if PurePosixPath(member.linkname).is_absolute() or not all(_is_inside(root, f"{base}/{to}") for to in targets):
            raise UnsafeMemberError(member.name)
    # This Python changes the owner to what the member says, and None is no owner to it.
    safe.uid, safe.gid, safe.uname, safe.gname = os.geteuid(), os.getegid(), "", ""
    safe.mode = _safe_mode(member)
    return safe


def _safe_mode(member: tarfile.TarInfo) -> int:
    if member.isdir() or member.issym():
        return _FOLDER_MODE
    mode = member.mode & 0o755 | 0o600
    return mode if mode & 0o100 else mode & ~0o111


def _is_inside(root: str, name: str) -> bool:
    path = os.path.realpath(os.path.join(root, name))  # noqa: PTH118 - resolved against links that are unpacked already
    return os.path.commonpath([root, path]) == root
