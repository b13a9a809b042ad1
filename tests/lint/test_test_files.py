"""Names of tests are short, and what several files need is in tests/support."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "tests").rglob("*.py"))
LONGEST = 72


def long_names(tree: ast.Module) -> Iterator[str]:
    """Yield the names of test functions that are longer than allowed."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    yield from (node.name for node in functions if node.name.startswith("test_") and len(node.name) > LONGEST)


def imports_of_tests(tree: ast.Module) -> Iterator[str]:
    """Yield the imported modules that are a conftest or a file of tests."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name}" for name in names]
        for name in names:
            if name.startswith("tests.") and any(p == "conftest" or p.startswith("test_") for p in name.split(".")):
                yield name


def test_names_of_tests_are_short() -> None:
    found = [(path.name, name) for path in FILES for name in long_names(ast.parse(path.read_text()))]

    assert found == []


def test_nothing_is_imported_from_a_conftest_or_a_file_of_tests() -> None:
    found = [(path.name, name) for path in FILES for name in imports_of_tests(ast.parse(path.read_text()))]

    assert found == []


def test_a_long_name_is_found() -> None:
    assert list(long_names(ast.parse(f"def test_{'x' * LONGEST}(): ..."))) == [f"test_{'x' * LONGEST}"]


@pytest.mark.parametrize(
    "line",
    ["from tests.unit.conftest import x", "from tests.unit import conftest", "import tests.unit.test_x"],
)
def test_an_import_of_a_test_file_is_found(line: str) -> None:
    assert list(imports_of_tests(ast.parse(line)))
