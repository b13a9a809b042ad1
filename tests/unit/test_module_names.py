"""Names of modules: Python, and Invoke, take the nearest file of a name, whatever folder somebody stands in."""

import sys
from pathlib import Path

from tests.support.checkout import ROOT

CODE = [path for part in ("lifecycle", "tests", "benchmarks") for path in sorted((ROOT / part).rglob("*.py"))]


def module_name(path: Path) -> str:
    return path.parent.name if path.stem == "__init__" else path.stem


def test_no_module_shadows_the_standard_library() -> None:
    # `python -m invoke` puts the folder that it is run in before the standard library.
    assert [path for path in CODE if module_name(path) in sys.stdlib_module_names] == []


def test_no_folder_has_another_collection_of_tasks() -> None:
    # Invoke takes the nearest tasks.py, or package of that name.
    assert [path for path in CODE if module_name(path) == "tasks"] == []
