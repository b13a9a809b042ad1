"""The locks in `requirements/` against what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = {"main": ("nox",), "test": ("test", "rollout"), "lint": ("nox", "lint"), "rollout": ("rollout",)}


def locked(name: str) -> dict[str, str]:
    """Return what a lock pins, by library."""
    text = (ROOT / f"requirements/{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", text, flags=re.MULTILINE))


def satisfies(pins: dict[str, str], requirement: Requirement) -> bool:
    library = canonicalize_name(requirement.name)
    return library in pins and pins[library] in requirement.specifier


@pytest.mark.parametrize("name", GROUPS)
def test_a_lock_satisfies_all_that_is_asked_for_else_run_nox_s_lock(name: str) -> None:
    groups = PYPROJECT["dependency-groups"]
    asked = [*PYPROJECT["project"]["dependencies"], *(line for group in GROUPS[name] for line in groups[group])]
    pins = locked(name)
    wrong = [line for line in asked if not satisfies(pins, Requirement(line))]
    assert not wrong


@pytest.mark.parametrize("name", GROUPS)
def test_a_lock_names_hashes_for_every_library_and_no_place_to_get_it_from(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(locked(name)) > 10
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "--index" not in text


def test_a_library_has_one_version_in_all_the_locks() -> None:
    pins = {item for name in GROUPS for item in locked(name).items()}
    assert len(pins) == len({library for library, _ in pins})
