"""A copy of the checkout, uncommitted changes included, as a commit in another repository."""

import shutil
import subprocess
from pathlib import Path

from tests.support.checkout import ROOT
from tests.support.git import git


def committed_copy(folder: Path) -> Path:
    """Make a repository in a new folder: one commit on main with all tracked files and the untracked, unignored ones."""
    words = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    for name in listed.split("\0"):
        # One that was deleted but not yet committed is none.
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=as it stands")
    return folder
