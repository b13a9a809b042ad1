"""Recipes: the part of this repository that shapes each kind of result, besides its inputs.

Shell scripts and the files in dockerfiles/ count by their bytes. Python counts by a format number, so that a comment rebuilds
nothing. tests/unit/formats holds the bytes that each format stands for.
"""

import ast
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# It unpacks a redistributable archive in the builder. It shapes only modules whose sources are one.
ARCHIVE_INSTALLER = "scripts/redistributable/archive.run"
# The files that shape a kind, as paths below the root; a folder stands for all files in it.
RECIPES: Mapping[str, tuple[str, ...]] = {
    "base": ("scripts/base",),
    "modules": ("dockerfiles/builder/Dockerfile", "scripts/builder"),
    "signed": ("scripts/signer",),
    "redistributable": (ARCHIVE_INSTALLER,),
    "userspace": ("scripts/runfile",),
    "archive": (),
    "image": ("dockerfiles/installer/config.json", "scripts/node"),
}

# The format of what the Python code of a kind makes, for the same inputs. Raise the number of a kind whose output changes.
FORMAT: Mapping[str, int] = {"base": 1, "modules": 1, "signed": 1, "userspace": 2, "archive": 2, "image": 3}


def formats_at(root: Path) -> dict[str, int]:
    """Return the FORMAT that the code of another checkout declares, without running it.

    The result is empty where that code declares none, or cannot be read: then all of its results count as of another format.
    """
    for path in sorted((root / "lifecycle").rglob(Path(__file__).name)):
        with suppress(SyntaxError, ValueError):
            for node in ast.parse(path.read_bytes()).body:
                if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "FORMAT" and node.value:
                    return dict(ast.literal_eval(node.value))
    return {}
