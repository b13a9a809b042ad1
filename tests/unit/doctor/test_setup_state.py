"""The findings of scripts/setup --check, and of the Python libraries."""

from pathlib import Path

import pytest

from lifecycle.doctor.finding import Finding, State
from lifecycle.doctor.setup import check_python, check_setup, differences
from tests.support.checkout import ROOT

LOCK = """\
# a comment
httpx2[socks]==2.0 \\
    --hash=sha256:1
invoke==3.0.3 \\
    --hash=sha256:2
    # via nox
colorama==0.4 ; sys_platform == 'win32' \\
    --hash=sha256:3
"""


def checked(root: Path, *lines: str, code: int = 1) -> list[Finding]:
    """Return the findings for a scripts/setup that prints lines."""
    script = root / "scripts/setup"
    script.parent.mkdir()
    script.write_text("\n".join(["#!/bin/sh", *(f"echo '{line}'" for line in lines), f"exit {code}", ""]))
    script.chmod(0o755)
    return list(check_setup(root))


def test_a_machine_that_is_set_up_is_ok(tmp_path: Path) -> None:
    (found,) = checked(tmp_path, "setup: nothing to do", code=0)

    assert found.state is State.OK


def test_each_missing_part_is_an_error(tmp_path: Path) -> None:
    found = checked(tmp_path, "setup: missing: mmdebstrap zstd", "setup: missing: invoke in .venv/bin")

    assert [f.text for f in found] == ["missing: mmdebstrap zstd", "missing: invoke in .venv/bin"]
    assert {f.state for f in found} == {State.ERROR}


def test_an_engine_that_does_not_answer_has_its_own_line_elsewhere(tmp_path: Path) -> None:
    (found,) = checked(tmp_path, "setup: missing: a container engine that answers")

    assert found.state is State.OK


def test_another_failure_of_set_up_is_shown_in_its_own_words(tmp_path: Path) -> None:
    (found,) = checked(tmp_path, "sed: no such file", code=4)

    assert found.state is State.ERROR
    assert "sed: no such file" in found.text


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"httpx2": "2.0", "invoke": "3.0.3"}, []),
        ({"httpx2": "1.9", "invoke": "3.0.3"}, ["httpx2 1.9, not 2.0"]),
        ({"httpx2": "2.0"}, ["no invoke"]),
    ],
)
def test_libraries_are_compared_with_the_lock(installed: dict[str, str], expected: list[str]) -> None:
    assert differences(LOCK, installed.get) == expected


def test_the_real_lock_has_libraries_to_compare() -> None:
    missing = differences((ROOT / "requirements/main.txt").read_text(), lambda _: None)

    assert {"no invoke", "no pydantic", "no docker"} <= set(missing)


def test_a_python_with_other_libraries_is_told_to_be_set_up(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/main.txt").write_text("invoke==0.0.1 \\\n")
    (found,) = check_python(tmp_path)

    assert found.state is State.WARNING
    assert "not 0.0.1" in found.text
    assert "scripts/setup" in found.remedy
