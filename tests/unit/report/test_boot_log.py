from hashlib import sha256
from pathlib import Path

import pytest

from lifecycle.report.boot_log import read_boot_log, shorten


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "build/node/a_b_c/console.log"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"one\r\ntwo\n")
    return path


def test_the_log_is_the_one_that_the_proof_names(tmp_path: Path, log: Path) -> None:
    found = read_boot_log(tmp_path, "a/b/c", sha256(log.read_bytes()).hexdigest())

    assert found
    assert (found.start, found.lines, found.left_out) == ("one\ntwo\n", 2, 0)


@pytest.mark.usefixtures("log")
def test_the_log_of_another_boot_is_not_shown(tmp_path: Path) -> None:
    assert read_boot_log(tmp_path, "a/b/c", "0" * 64) is None


def test_a_log_that_is_gone_is_none(tmp_path: Path) -> None:
    assert read_boot_log(tmp_path, "a/b/c", "0" * 64) is None


def test_control_characters_become_visible() -> None:
    assert shorten("a\x1b[31mb\x00\tc").start == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}\tc"


def test_a_long_log_loses_its_middle() -> None:
    found = shorten("a" * 20_000 + "b" * 20_000)

    assert {*found.start} == {"a"}
    assert {*found.end} == {"b"}
    assert len(found.start) + found.left_out + len(found.end) == 40_000
