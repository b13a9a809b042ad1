"""Git as a person without a configuration runs it."""

import os
import subprocess
from pathlib import Path

NAMELESS = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "a person",
    "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "a person",
    "GIT_COMMITTER_EMAIL": "person@example.org",
}


def git(folder: Path, *words: str) -> str:
    """Run git as a person would."""
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, env={**os.environ, **NAMELESS}
    )
    return done.stdout.strip()
