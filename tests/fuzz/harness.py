"""The harness of all readers: any input gives a result, or an InstallerError of printable text, within a limit of work."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from lifecycle.errors import EXIT_FAILURE, EXIT_USAGE, InstallerError

_EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "")
# Without FUZZ_EXAMPLES the inputs are the same in every run, so that only a change of the code makes a harness fail.
FUZZ = settings(
    max_examples=int(_EXAMPLES or 50),
    derandomize=not _EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# The function calls that a reader may make for an input of a few thousand characters; the largest correct one needs a third.
_MOST_CALLS = 3_000_000
_LONGEST_LINE = 1_000
_YAML = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "? ",
    "&a ",
    "*a",
    "<<: *a",
    "!!int ",
    "!!set ",
    "!x ",
    "~",
    "|\n",
    ">-\n",
    "#",
    "%YAML",
]
_YAML += ["---\n", "...\n", "'", '"', "\\0", "\\ud800", "\\", "[" * 60, "- " * 60, "=======\n", "<<<<<<< HEAD\n"]
_JSON = [
    "null",
    "true",
    "{}",
    "[]",
    '""',
    "0",
    "-1",
    "1e400",
    "NaN",
    "9" * 5_000,
    '"\\ud800"',
    "[" * 3_000,
    '{"a":' * 3_000,
]
_TEXTS = [
    "\0",
    "\x1b[2J",
    "\ufeff",
    "\u2028",
    "\x85",
    "\r\n",
    "\t",
    "\n",
    " ",
    "",
    "²",
    "٣",
    "é",
    "{driver}",
    "{",
    "}}",
    "{kernl}",
]
_TEXTS += [
    "../../x",
    "~nosuch/x",
    "$(id)",
    "https://",
    "[::1",
    "@sha256:",
    "%%%",
    "9" * 50,
    "2024-13-45",
    "*" * 30,
    ".",
]
TOKENS = [*_YAML, *_JSON, *_TEXTS]


class TooMuchWorkError(BaseException):
    """More function calls than any input of this size needs."""


@contextmanager
def limited_work() -> Iterator[None]:
    """Raise TooMuchWorkError in a block that calls too many functions. Calls, unlike seconds, are the same on any machine."""
    calls, before = 0, sys.getprofile()

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")
        if calls > _MOST_CALLS:
            sys.setprofile(before)
            raise TooMuchWorkError

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)


def judge(read: Callable[[], object]) -> None:
    """Run a reader. Raise AssertionError unless it returns, or raises an InstallerError that a person can read."""
    try:
        with limited_work():
            read()
    except InstallerError as error:
        raised = error
    else:
        return
    said = str(raised)
    assert raised.brief
    assert all(c.isprintable() or c in "\n\t" for c in said), repr(said)
    assert max(map(len, said.splitlines())) <= _LONGEST_LINE, said
    assert raised.exit_code in (EXIT_USAGE, EXIT_FAILURE)


@st.composite
def mutated(draw: st.DrawFn, *seeds: str) -> str:
    """Draw a valid text with a few of its parts replaced, or any text."""
    text: str = draw(st.sampled_from(seeds)) if draw(st.integers(0, 19)) else draw(st.text(_characters(), max_size=40))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 5, 20, 200]))
        part = draw(st.sampled_from(TOKENS) | st.text(_characters(), max_size=8) | _part_of(text))
        text = text[:start] + part + text[end:]
    return text


def _characters() -> st.SearchStrategy[str]:
    # A text that was read from a file has no surrogates.
    return st.characters(exclude_categories=["Cs"])


def _part_of(text: str) -> st.SearchStrategy[str]:
    lines = text.splitlines(keepends=True) or [""]
    return st.sampled_from(lines[:100])


def mutated_bytes(*seeds: str) -> st.SearchStrategy[bytes]:
    """Draw a mutated text in UTF-8, or any bytes."""
    return mutated(*seeds).map(str.encode) | st.binary(max_size=60)
