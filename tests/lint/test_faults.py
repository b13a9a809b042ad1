"""docs/reference/faults.md: each fault has a test, and the words that are printed are in the code."""

import re
from dataclasses import dataclass
from functools import cache

import pytest

from tests.support.checkout import ROOT

TABLE = ROOT / "docs/reference/faults.md"
FEWEST = 50
_CODE = re.compile(r"`([^`]+)`")
_NO_WORDS = "–"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A row of the table: the quoted words that are printed, in parts, and the file and name of its test."""

    title: str
    words: tuple[str, ...]
    file: str
    test: str


def faults() -> list[Fault]:
    rows = [line.strip("|").split(" | ") for line in TABLE.read_text().splitlines() if "::" in line]
    return [fault(*(cell.strip() for cell in row)) for row in rows]


def fault(title: str, printed: str, state: str, test: str) -> Fault:
    assert state, title
    words = () if printed == _NO_WORDS else tuple(part.strip() for part in _quoted(printed).split("…"))
    file, _, name = _quoted(test).partition("::")
    return Fault(title=title, words=words, file=file, test=name)


def _quoted(cell: str) -> str:
    (text,) = _CODE.findall(cell)
    return str(text)


@cache
def texts() -> str:
    """Return the code with whitespace and the borders of joined strings removed."""
    files = [*(ROOT / "lifecycle").rglob("*.py")]
    return re.sub(r'"\s*f?"|\s+', " ", "\n".join(file.read_text() for file in files)).replace("  ", " ")


def test_at_least_50_faults_are_described_each_once() -> None:
    titles = [one.title for one in faults()]

    assert len(titles) >= FEWEST
    assert len({*titles}) == len(titles)


@pytest.mark.parametrize("one", faults(), ids=lambda one: one.title)
def test_a_fault_has_a_test_and_its_words_are_in_the_code(one: Fault) -> None:
    tests = (ROOT / "tests" / one.file).read_text()

    assert f"def {one.test}(" in tests
    said = f"{texts()} {' '.join(tests.split())}"
    assert [part for part in one.words if part and part not in said] == []
