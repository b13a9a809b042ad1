"""A checkout whose component takes Garden Linux and a driver from the sources that a test names, and its session."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.app.session import Session
from lifecycle.config.lock import LockedDriver
from lifecycle.planning.declarations import driver_declarations
from lifecycle.planning.locked_project import LockedProject
from lifecycle.sources.fetch import FetchResult
from tests.support.checkout import ROOT
from tests.support.fakes.engine import FakeEngine

KERNEL = "6.6.71-cloud-amd64"
# As Garden Linux's archive has them: a suite is a version, and a kernel's packages carry its version in their names.
GARDEN_PACKAGES = [
    ("linux-headers-cloud-amd64", "6.6.71-1", f"linux-headers-{KERNEL} (= 6.6.71-1)"),
    (
        f"linux-headers-{KERNEL}",
        "6.6.71-1",
        "linux-headers-6.6.71-common, linux-kbuild-6.6.71, linux-compiler-gcc-13-x86",
    ),
    ("linux-headers-6.6.71-common", "6.6.71-1", ""),
    ("linux-kbuild-6.6.71", "6.6.71-1", ""),
    (f"linux-image-{KERNEL}", "6.6.71-1", ""),
    ("linux-headers-6.6.70-cloud-amd64", "6.6.70-1", "linux-headers-6.6.70-common"),
    ("linux-headers-6.6.71-bare-amd64", "6.6.71-1", ""),
    ("linux-compiler-gcc-13-x86", "6.6.71-1", ""),
    ("nvidia-kernel-dkms", "550.163.01-1", ""),
    ("libcuda1", "550.163.01-1", ""),
    ("nvidia-modprobe", "550.100-1", ""),
]
HEADERS = [f"linux-headers-{KERNEL}", "linux-headers-6.6.71-common", "linux-kbuild-6.6.71"]

_COMPONENT = """\
name: team/nvidia-installer
version: 1.0.0
image: {{registry: "localhost:5000", repository: team/nvidia-installer}}
context:
  releases:
    - {{name: gardenlinux-1592.9, channel: current}}
  driverVersion:
    - {driver_version}
  moduleType: [{types}]
  architecture: [amd64]
sources:
  releases:
    gardenlinux-*: {release}
  drivers:
    550: {driver}
  packages:
    headers: linux-headers-{{kernel}}
    newestHeaders: linux-headers-{{flavour}}-{{architecture}}
    kernelImage: linux-image-{{kernel}}
    modules: {{proprietary: nvidia-kernel-dkms}}
    userspace: [libcuda1]
    companions: [nvidia-modprobe]
"""
_IMAGES = "BUILDER_GARDENLINUX_1592_9=registry.example/kmodbuild:1592.9\nRUNTIME=registry.example/runtime:1\n"
_PACKAGED = "{kind: packages, release: gardenlinux-1592.9}"


@dataclass(frozen=True)
class SourceCheckout:
    """A checkout, a cache beside it, and the environment of its commands."""

    root: Path
    cache: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def session(self) -> Session:
        session = Session(self.root, cache_dir=str(self.cache), environ=self.environ)
        engine = FakeEngine()
        engine.any_image = True
        session.engine = engine
        return session

    def resolve(self, *, locked: bool = False, update: bool = False) -> LockedProject:
        """Run the part of `invoke fetch` that resolves the sources and writes the lock."""
        return self.session().build_service().resolve(locked=locked, update=update)

    def resolve_driver(self) -> LockedDriver:
        """Resolve only the one driver and return its entry for the lock."""
        session = self.session()
        (declaration,) = driver_declarations(session.project).values()
        return session.sources.resolver.driver(session.project, declaration)

    def download(self, project: LockedProject, *, locked: bool = False) -> FetchResult:
        """Run the part of `invoke fetch` that downloads the locked files, kernel images included."""
        return (
            self.session()
            .build_service()
            .fetch(project, lambda p: p.matrix.combinations, locked=locked, kernel_images=True)
        )

    def invoke(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `invoke` in the checkout, with its cache and environment."""
        command = [sys.executable, "-m", "invoke", *words, "--cache-dir", str(self.cache)]
        return subprocess.run(
            command, cwd=self.root, env=dict(self.environ), capture_output=True, text=True, check=False
        )

    def empty_cache(self) -> None:
        shutil.rmtree(self.cache, ignore_errors=True)

    def kept(self) -> list[Path]:
        """Return the complete files in the cache, and the partial ones that a download might continue."""
        found = [path for folder in ("blobs", "tmp") for path in (self.cache / folder).glob("*")]
        return sorted(path for path in found if path.is_file())


def make_source_checkout(
    folder: Path,
    release: str,
    *,
    environ: Mapping[str, str],
    driver: str = _PACKAGED,
    driver_version: str = "550.163.01",
    types: Sequence[str] = ("proprietary",),
) -> SourceCheckout:
    """Make a checkout in a folder; `release` and `driver` are the sources, in YAML's flow style."""
    root = folder / "checkout"
    root.mkdir(parents=True)
    for part in ("dockerfiles", "scripts", "lifecycle"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tasks.py", root)
    text = _COMPONENT.format(release=release, driver=driver, driver_version=driver_version, types=", ".join(types))
    (root / "component.yaml").write_text(text)
    (root / "image_versions").write_text(_IMAGES)
    return SourceCheckout(root, folder / "cache", environ)
