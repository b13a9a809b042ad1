"""Errors of the operating system name the file and the operation."""

import errno
import os
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.errors import ConfigurationError, InstallerError, SystemRefusedError, printable, writing
from lifecycle.sources.bundle import write_bundle
from lifecycle.tools.archive import pack


def refusal(number: int, *files: str) -> str:
    return SystemRefusedError(OSError(number, os.strerror(number), files[0], None, *files[1:])).brief


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "cannot write /no/x: No space left on device"),
        (errno.EROFS, "cannot write /no/x: Read-only file system"),
        (errno.EACCES, "cannot write /no/x: Permission denied"),
        (errno.EEXIST, "cannot create /no/x: File exists"),
        (errno.ENOENT, "cannot find /no/x: No such file or directory"),
        (errno.ENOTDIR, "cannot enter /no/x: Not a directory"),
        (errno.EISDIR, "cannot open /no/x: Is a directory"),
        (errno.EBUSY, "cannot use /no/x: Device or resource busy"),
    ],
)
def test_a_refusal_names_the_file_and_the_operation(number: int, said: str) -> None:
    assert refusal(number, "/no/x") == said


def test_a_refused_move_names_both_files() -> None:
    assert refusal(errno.EXDEV, "/no/x", "/no/y") == "cannot move to /no/y from /no/x: Invalid cross-device link"


def test_a_full_disk_names_the_archive_that_was_being_written(tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(os.urandom(10_000))
    with pytest.raises(OSError, match="/dev/full") as caught:
        pack({"content": tmp_path / "content"}, Path("/dev/full"))

    assert caught.value.errno == errno.ENOSPC


def test_a_full_disk_names_the_bundle_that_was_being_written(tmp_path: Path) -> None:
    (tmp_path / ".x.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"/x'$"):
        write_bundle(tmp_path / "x", [], [], Cache(tmp_path / "cache"), advance=lambda _: None)


def test_an_error_that_names_its_file_keeps_it() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/a")
    with pytest.raises(OSError, match="/a"), writing(Path("/b")):
        raise error


def test_an_error_without_a_file_stays_without_one() -> None:
    error = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
    with pytest.raises(ConnectionResetError) as caught, writing(Path("/b")):
        raise error

    assert caught.value.filename is None


def test_a_message_has_no_control_characters() -> None:
    error = InstallerError("a\x1b[2J", details="one\n\ttwo\r", resolution="\u202eb")

    assert str(error) == "a\\x1b[2J\none\n\ttwo\\r\n\\u202eb"


def test_the_first_of_very_many_problems_are_shown() -> None:
    error = ConfigurationError([f"problem {number}" for number in range(25)])

    assert str(error).splitlines()[19:] == ["problem 19", "and 5 more problems"]
    assert len(error.problems) == 25


def test_lines_and_tabs_stay_and_what_a_terminal_obeys_is_visible() -> None:
    assert printable("a\n\tü\r\x1b\x9b\u202e") == "a\n\tü\\r\\x1b\\x9b\\u202e"
