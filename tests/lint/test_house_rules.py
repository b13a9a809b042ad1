"""The rules of CONTRIBUTING.md on the size of files and folders, and on the first words of docstrings."""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

LONGEST_FILE = 250
LARGEST_FOLDER = 20
# A client, or a function that makes one for one request.
CLIENT = re.compile(
    r"\b(httpx|requests)\.((Async)?Client|Session|get|head|post|put|patch|delete|request|stream)\(|urlopen\("
)
QUESTION_WORDS = {"how", "what", "whatever", "when", "where", "whether", "which", "who", "whoever", "whose", "why"}


def is_code(path: Path) -> bool:
    """Return True if a file is Python or shell, by its suffix or by the program that its first line names."""
    if path.suffix:
        return path.suffix in {".py", ".sh"}
    with path.open("rb") as file:
        return file.readline().startswith(b"#!")


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Yield the docstrings of a module, its classes and its functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def begins_with_a_question_word(text: str) -> bool:
    """Return True if the first word of a text is a question word."""
    words = text.replace("'", " ").split(maxsplit=1)
    return bool(words) and words[0].lower().strip(",:") in QUESTION_WORDS


@pytest.fixture(scope="module")
def code() -> list[Path]:
    """Return the Python and shell files that git tracks, relative to the checkout."""
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    files = [Path(name) for name in listed if name and (ROOT / name).is_file()]
    return [path for path in files if is_code(ROOT / path)]


def test_no_file_is_longer_than_allowed(code: list[Path]) -> None:
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in code}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_folder_has_more_files_than_allowed(code: list[Path]) -> None:
    sizes = Counter(str(path.parent) for path in code if path.name != "__init__.py")

    assert {folder: count for folder, count in sizes.items() if count > LARGEST_FOLDER} == {}


def test_no_docstring_begins_with_a_question_word(code: list[Path]) -> None:
    found = [
        (str(path), text.partition("\n")[0])
        for path in code
        if path.suffix == ".py"
        for text in docstrings(ast.parse((ROOT / path).read_text()))
        if begins_with_a_question_word(text)
    ]

    assert found == []


def test_one_function_builds_every_http_client(code: list[Path]) -> None:
    builders = [path for path in code if path.parts[0] == "lifecycle" and CLIENT.search((ROOT / path).read_text())]

    assert builders == [Path("lifecycle/tools/network/client.py")]


def test_shell_without_a_suffix_is_code(code: list[Path]) -> None:
    assert Path("scripts/setup") in code


@pytest.mark.parametrize("first", ["What", "Which:", "Where,", "Who's"])
def test_a_question_word_is_found(first: str) -> None:
    assert begins_with_a_question_word(f"{first} is built.")
