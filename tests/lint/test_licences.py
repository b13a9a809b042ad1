"""The licences: what REUSE.toml says, and what the README says of the Python packages that come with it."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
REUSE = Path(sys.executable).parent / "reuse"
_COPYLEFT = re.compile(r"\b[AL]?GPL|\bMPL|General Public|Mozilla Public")


def licence_of(package: str) -> str:
    """Return all that a package states about its licence, or nothing if it is for other systems."""
    try:
        stated = metadata(package)
    except PackageNotFoundError:
        return ""
    classifiers = [line for line in stated.get_all("Classifier") or [] if line.startswith("License")]
    return " ".join([*(str(stated[key]) for key in ("License-Expression", "License") if key in stated), *classifiers])


def test_the_readme_names_each_package_whose_licence_is_not_permissive() -> None:
    packages = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements/main.txt").read_text(), flags=re.MULTILINE)
    named = re.findall(r"([\w-]+) is (?:GPL|MPL)-", (ROOT / "README.md").read_text())

    assert sorted(named) == [package for package in packages if _COPYLEFT.search(licence_of(package))]


def test_both_copies_of_the_licence_are_the_same() -> None:
    assert (ROOT / "LICENSE").read_bytes() == (ROOT / "LICENSES/Apache-2.0.txt").read_bytes()


def test_a_licence_without_its_text_is_refused(tmp_path: Path) -> None:
    shutil.copy(ROOT / "REUSE.toml", tmp_path)
    (tmp_path / "x.py").write_text("name = 1\n")

    done = subprocess.run([REUSE, "--root", tmp_path, "lint"], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "Missing licenses: Apache-2.0" in done.stdout
