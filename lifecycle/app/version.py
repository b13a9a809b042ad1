"""The version of the component and of Invoke, as `invoke --version` prints it."""

import re
from pathlib import Path

import invoke

from lifecycle.errors import InstallerError


def version_lines(root: Path) -> list[str]:
    """Return a line for the component in the checkout `root`, with its commit, and one for Invoke."""
    name, version = (_declared(root, key) for key in ("name", "version"))
    return [
        f"{name.rpartition('/')[2] or 'nvidia-installer'} {version or 'unknown'} ({_commit(root)})",
        f"Invoke {invoke.__version__}",
    ]


def _declared(root: Path, key: str) -> str:
    """Return a scalar of component.yaml, or "". The file is not parsed as YAML, so that --version also works if it is invalid."""
    try:
        text = (root / "component.yaml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(rf"^{key}: *[\"']?([^\s\"'#]+)", text, re.MULTILINE)
    return found[1] if found else ""


def _commit(root: Path) -> str:
    from lifecycle.tools.checkout import Checkout

    checkout = Checkout(root)
    try:
        commit = checkout.commit()
        changed = ", with changes" if commit and checkout.changed() else ""
    except InstallerError:
        return "not a git checkout"
    return f"commit {commit[:12]}{changed}" if commit else "not a git checkout"
