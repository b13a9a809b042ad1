"""The root file system of a node: packages of its OS release, unpacked without their scripts, and kept by their exact versions."""

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptSource
from lifecycle.pipeline.base import package_file_name
from lifecycle.planning.locked_project import LockedProject
from lifecycle.sources.apt.download import download_packages
from lifecycle.sources.apt.index import AptIndex
from lifecycle.sources.apt.machine import MachineArchives
from tests.support.checkout import ROOT

_PACKAGES = (
    *(
        "base-files",
        "bash",
        "busybox-static",
        "coreutils",
        "dash",
        "findutils",
        "grep",
        "kmod",
        "libc-bin",
        "mawk",
        "mount",
    ),
    *("procps", "sed", "util-linux"),
    *("containerd", "iproute2", "runc"),
)
_BOOTSTRAP = ROOT / "scripts/base/bootstrap"


def node_root(project: LockedProject, release: str, architecture: Architecture, cache: Path) -> Path:
    """Return a tar of the root file system of an OS release; build it unless the cache has one of the same packages.

    The packages are the newest of the release's archives. A root of other versions is removed from the cache.
    """
    source = project.component.source_of(release)
    assert isinstance(source, AptSource), f"nodes of {release} have no APT archive"
    folder, machine = cache / release, MachineArchives()
    index = AptIndex(
        name=release,
        repositories=source.repositories,
        architecture=architecture,
        machine=machine,
        root=folder / "apt",
    )
    files = index.closure(_PACKAGES)
    digest = hashlib.sha256("".join(file.sha256 for file in files).encode() + _BOOTSTRAP.read_bytes()).hexdigest()
    root = folder / f"{digest[:16]}.tar"
    if not root.exists():
        for old in folder.glob("*.tar"):
            old.unlink()
        with tempfile.TemporaryDirectory(dir=folder) as name:
            packages, debs = Cache(Path(name, "packages")), Path(name, "debs")
            debs.mkdir()
            download_packages(files, source.repositories, machine, packages, advance=lambda _: None)
            for file in files:
                (debs / package_file_name(file)).hardlink_to(packages.blob(file.sha256))
            command = [
                str(_BOOTSTRAP),
                str(debs),
                source.repositories[0].suite,
                str(Path(name, "root.tar")),
                architecture,
            ]
            subprocess.run(command, check=True, capture_output=True)
            Path(name, "root.tar").rename(root)
    return root


def roots_folder() -> Path:
    """Return the folder of the roots in the cache of the cluster's programs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "nvidia-installer-cluster/roots"


def unpack(root: Path, folder: Path) -> None:
    """Unpack a root into a new folder."""
    folder.mkdir()
    subprocess.run(["tar", "--extract", "--file", root, "--directory", folder, "--numeric-owner"], check=True)
