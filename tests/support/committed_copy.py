"""The checkout as it stands, committed somewhere else."""

import shutil
import subprocess
from pathlib import Path

from tests.support.checkout import ROOT
from tests.support.git import git


def committed_copy(folder: Path) -> Path:
    """A repository in a folder that is made, with one commit on main: all files that are under version control, or about to be."""
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
