import os
import subprocess
from pathlib import Path

import pytest


def git(folder: Path, *words: str) -> str:
    """What git prints, as somebody with a name."""
    identity = ["-c", "user.name=A", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def committed(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own files, committed on main."""
    # A hook of git's runs with GIT_DIR set, and would have this commit in the project's own repository.
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    git(checkout, "init", "--quiet", "--initial-branch=main")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message=first")
    return checkout
