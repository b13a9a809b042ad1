"""Discs as archives: only the machine's own apt can read the lists of a disc (apt-cdrom(8)), so a private root gets copies."""

import glob
import shlex
from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile

from debian.deb822 import Deb822

from lifecycle.tools.process import run

METHOD = "cdrom:"


def disc_options(entries: Sequence[str]) -> dict[str, str]:
    """Return the options by which a private root with these entries knows the machine's discs; {} if it needs none."""
    if not any(METHOD in entry for entry in entries):
        return {}
    return {"Dir::State::cdroms": _path("Dir::State::cdroms/f")}


def copy_disc_lists(options: Sequence[str], lists: Path) -> None:
    """Copy the machine's lists of the discs into the folder `lists` of a private root, which has these options."""
    text = run(["apt-get", *options, "indextargets", "--no-release-info", "Created-By: Packages"])
    machine = Path(_path("Dir::State::lists/d"))
    for target in Deb822.iter_paragraphs(text):
        if target["Repo-URI"].startswith(METHOD):
            suite = Path(target["Filename"]).name.removesuffix(target["MetaKey"].replace("/", "_"))
            for found in machine.glob(f"{glob.escape(suite)}*"):
                copyfile(found, lists / found.name)


def _path(setting: str) -> str:
    """Return a path of the machine's configuration of apt (apt-config(8), `shell`)."""
    return shlex.split(run(["apt-config", "shell", "FOUND", setting]))[0].removeprefix("FOUND=")
