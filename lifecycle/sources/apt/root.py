"""Private roots of apt: folders with their own sources and lists.

Everything else is the machine's own configuration: methods, proxies, logins and trusted keys (apt.conf(5), apt_auth.conf(5)).
Nothing here installs a package.
"""

from collections.abc import Sequence
from pathlib import Path

from lifecycle.sources.apt.cdrom import copy_disc_lists, disc_options

# Name resolution and mirrors fail for short times; apt itself retries (apt.conf(5), Acquire::Retries).
_RETRIES = 5
# The machine's hooks are for its own packages and lists: some empty its package cache, others start programs of the desktop.
# Hooks before an update stay, since they renew logins.
_CONFIGURATION = """\
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear AptCli::Hooks;
"""


def make_root(root: Path, entries: Sequence[str], architecture: str) -> list[str]:
    """Create or renew a private root with entries of sources.list(5), and return the options that make apt use it."""
    for folder in ("lists/partial", "lists/auxfiles/partial", "cache/archives/partial", "sources.list.d", "state"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "status").write_text("")
    (root / "apt.conf").write_text(_CONFIGURATION)
    _write_entries(root / "sources.list.d", entries)
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        # A release that the machine prefers is none of the root's (apt_preferences(5), "The APT::Default-Release option").
        "APT::Default-Release": "",
        "APT::Install-Recommends": "false",
        "APT::Install-Suggests": "false",
        "APT::Sandbox::User": "root",
        "Acquire::ForceHash": "SHA256",
        "Acquire::Languages": "none",
        "Acquire::Retries": str(_RETRIES),
        "Dir::Cache": f"{root}/cache",
        "Dir::Cache::archives": f"{root}/cache/archives/",
        "Dir::Cache::pkgcache": "pkgcache.bin",
        "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": f"{root}/sources.list.d",
        "Dir::State": f"{root}/state",
        "Dir::State::lists": f"{root}/lists",
        "Dir::State::status": f"{root}/status",
        **(discs := disc_options(entries)),
    }
    flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    complete = ["--config-file", f"{root}/apt.conf", *flags]
    if discs:
        copy_disc_lists(complete, root / "lists")
    return complete


def entry_number(source: str) -> int:
    """Return the index of an entry of a private root from apt's name for it, `file:number`."""
    return int(Path(source.rpartition(":")[0]).stem)


def _write_entries(folder: Path, entries: Sequence[str]) -> None:
    """Write each entry to a file of its own, which its index names. Files of an earlier run are removed."""
    for old in folder.iterdir():
        old.unlink()
    for number, entry in enumerate(entries):
        path = folder / f"{number}{'.list' if entry.startswith('deb ') else '.sources'}"
        # An address of the machine's apt may contain a password.
        path.touch(mode=0o600)
        path.write_text(entry, encoding="utf-8", errors="surrogateescape")
