"""Debian 13's cosign, a static program that runs on every release. Debian 12 has no package of it."""

import os
import subprocess
from pathlib import Path

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptSource
from lifecycle.planning.declarations import apt_repositories
from lifecycle.planning.project import load_project
from lifecycle.sources.apt.download import download_packages
from lifecycle.sources.apt.index import AptIndex
from lifecycle.sources.apt.machine import MachineArchives
from tests.support.checkout import ROOT

_RELEASE = "debian-13"


class Cosign:
    """The program, run with an empty home folder: `home` has no configuration and no trust root of Sigstore's own servers."""

    def __init__(self, program: Path, home: Path) -> None:
        self._program, self._home = program, home

    def run(self, *words: str, authority: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run cosign, and let it verify without a transparency log; `authority` is the certificate authority of a registry."""
        environ = {**os.environ, "HOME": str(self._home), **({"SSL_CERT_FILE": str(authority)} if authority else {})}
        without_log = ["--insecure-ignore-tlog=true"] if words[0].startswith("verify") else []
        command = [str(self._program), *words, *without_log]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def install_cosign(folder: Path) -> Path:
    """Return the program below a folder. The package comes from the machine's own Debian archive, and stays in the cache."""
    project, cache = load_project(ROOT), Cache(default_cache_dir(os.environ))
    source = project.component.source_of(_RELEASE)
    assert isinstance(source, AptSource)
    index = AptIndex(
        name=source.suites,
        repositories=source.repositories,
        architecture=Architecture.AMD64,
        machine=MachineArchives(),
        root=folder / "apt",
    )
    (package,) = index.locate([("cosign", index.versions("cosign")[0])])
    if not cache.has_blob(package.sha256):
        repositories = apt_repositories(project.component)
        download_packages([package], repositories, MachineArchives(), cache, advance=lambda _: None)
    subprocess.run(["dpkg-deb", "--extract", str(cache.blob(package.sha256)), str(folder / "cosign")], check=True)
    return folder / "cosign/usr/bin/cosign"
