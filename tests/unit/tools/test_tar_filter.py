"""The rules for members of archives that hold where Python's tarfile has no filters: they are those of its `data` filter."""

import os
import tarfile
from pathlib import Path

import pytest

from lifecycle.tools.tar_filter import UnsafeMemberError, safe_member, strict_member

HAS_FILTERS = hasattr(tarfile, "data_filter")


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.uid, info.uname = kind, link, mode, 4711, "somebody"
    return info


UNSAFE = [
    member("../up"),
    member("a/../../up"),
    member("led/out"),
    member("device", tarfile.CHRTYPE),
    member("pipe", tarfile.FIFOTYPE),
    member("link", tarfile.SYMTYPE, "/etc/passwd"),
    member("link", tarfile.SYMTYPE, "../up"),
    member("a/link", tarfile.SYMTYPE, "../../up"),
    member("link", tarfile.SYMTYPE, "led/up"),
    member("hard", tarfile.LNKTYPE, "../up"),
    member("hard", tarfile.LNKTYPE, "/etc/passwd"),
]
SAFE = [
    member("file"),
    member("/absolute"),
    member("a/../file"),
    member("folder", tarfile.DIRTYPE),
    member("a/link", tarfile.SYMTYPE, "../file"),
    member("link", tarfile.SYMTYPE, "missing"),
    member("hard", tarfile.LNKTYPE, "file"),
    member("program", mode=0o4777),
    member("secret", mode=0o070),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a link that leads out of it."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/led").symlink_to("..")
    return tmp_path / "inside"


@pytest.mark.parametrize("info", UNSAFE, ids=lambda info: f"{info.name}-{info.linkname}")
@pytest.mark.parametrize("check", [strict_member, safe_member])
def test_a_member_that_leads_out_is_refused(folder: Path, check: object, info: tarfile.TarInfo) -> None:
    assert callable(check)
    with pytest.raises(UnsafeMemberError):
        check(info, folder)


@pytest.mark.parametrize("info", SAFE, ids=lambda info: f"{info.name}-{info.linkname}")
def test_a_safe_member_keeps_its_name_and_belongs_to_this_user(folder: Path, info: tarfile.TarInfo) -> None:
    safe = strict_member(info, folder)

    assert (safe.name, safe.linkname) == (info.name.lstrip("/"), info.linkname)
    assert (safe.uid, safe.uname) == (os.geteuid(), "")


@pytest.mark.skipif(not HAS_FILTERS, reason="this Python's tarfile has no filters to compare with")
@pytest.mark.parametrize("mode", [0o644, 0o755, 0o4777, 0o000, 0o070, 0o2711])
def test_a_file_gets_the_mode_of_pythons_filter(folder: Path, mode: int) -> None:
    info = member("file", mode=mode)

    assert strict_member(info, folder).mode == tarfile.data_filter(info, str(folder)).mode
