"""The project's own checkout, and copies of it."""

import shutil
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The parts of the repository that decide what is built.
PARTS = (
    "component.yaml",
    "image_versions",
    "versions.lock",
    "costs.yaml",
    "dockerfiles",
    "patches",
    "scripts",
    "lifecycle",
)


def copy_parts(folder: Path, parts: Iterable[str] = PARTS) -> None:
    """Copy files and folders of the checkout, by their paths in it, to an existing folder; compiled Python stays behind."""
    for part in parts:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / part, folder / part)
