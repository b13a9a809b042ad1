"""Private roots of apt: folders with their own sources and lists.

Everything else is the machine's own configuration: methods, proxies, logins and trusted keys (apt.conf(5), apt_auth.conf(5)).
Nothing here installs a package.
"""

from collections.abc import Sequence
from pathlib import Path

# Name resolution and mirrors fail for short times; apt itself retries (apt.conf(5), Acquire::Retries).
_RETRIES = 5
# The machine's hooks are for its own packages and lists: some empty its package cache, others start programs of the desktop.
# Hooks before an update stay, since they renew logins.
_CONFIGURATION = """\
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear AptCli::Hooks;
"""


def make_root(root: Path, stanzas: Sequence[str], architecture: str) -> list[str]:
    """Create or renew a private root with the stanzas of a .sources file, and return the options that make apt use it."""
    for folder in ("lists/partial", "lists/auxfiles/partial", "cache/archives/partial", "sources.list.d", "state"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "status").write_text("")
    (root / "apt.conf").write_text(_CONFIGURATION)
    sources = root / "sources.list.d" / "private.sources"
    # An address of the machine's apt may contain a password.
    sources.touch()
    sources.chmod(0o600)
    sources.write_text("\n".join(stanzas), encoding="utf-8", errors="surrogateescape")
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Acquire::ForceHash": "SHA256",
        "Acquire::Languages": "none",
        "Acquire::Retries": str(_RETRIES),
        "Dir::Cache": f"{root}/cache",
        "Dir::Cache::pkgcache": "pkgcache.bin",
        "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": f"{root}/sources.list.d",
        "Dir::State": f"{root}/state",
        "Dir::State::lists": f"{root}/lists",
        "Dir::State::status": f"{root}/status",
    }
    flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    return ["--config-file", f"{root}/apt.conf", *flags]
