"""Names of modules: Python, and Invoke, take the nearest file of a name, whatever folder somebody stands in."""

import re
import sys
from importlib import import_module
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


def test_the_shell_scripts_import_what_the_modules_have() -> None:
    lines = [
        line
        for path in sorted((ROOT / "scripts").rglob("*"))
        if path.is_file()
        for line in re.findall(r"^from (lifecycle[\w.]*) import (.+)$", path.read_text(), re.MULTILINE)
    ]
    missing = [
        (module, name)
        for module, names in lines
        for name in names.split(", ")
        if not hasattr(import_module(module), name)
    ]

    assert lines
    assert missing == []
