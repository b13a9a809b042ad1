"""The time that a starting node waits until the driver is unpacked, indexed and loaded: by our installer and its predecessor.

The predecessor's archive is one tar.gz. It has the modules as `make` leaves them, and NVIDIA's libraries by name (`*nvidia*`,
`*cuda*`), graphics included (gardenlinux/gardenlinux-nvidia-installer, Dockerfile of 2024).
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import docker

from benchmarks.builds import PlainBuild
from lifecycle.config.sources.driver_sources import PackagedDriver
from lifecycle.config.sources.package_sources import AptSource
from lifecycle.pipeline.image import HOME
from lifecycle.pipeline.package import MODULES_FOLDER
from lifecycle.pipeline.unpack import unpack_deb
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import references
from lifecycle.sources.apt.download import download_packages
from lifecycle.sources.apt.index import AptIndex
from lifecycle.tools.process import run
from tests.support.machines.guest.machine_parts import MachineParts

# Packages of the predecessor that are not part of our user space.
_GRAPHICS = [
    "libegl-nvidia0",
    "libgles-nvidia1",
    "libgles-nvidia2",
    "libglx-nvidia0",
    "libnvidia-allocator1",
    "libnvidia-eglcore",
    "libnvidia-fbc1",
    "libnvidia-glcore",
    "libnvidia-glvkspirv",
    "libnvidia-ngx1",
    "libnvidia-rtcore",
]
_GUEST = Path(__file__).parent / "guest"
_ROUNDS = 3
_BOOT_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class NodeBenchmark:
    """One combination with its two images: the plain one in the plain build's engine, ours in that of `invoke build`."""

    parts: MachineParts
    plain: PlainBuild
    plain_image: str
    combination: Combination
    folder: Path

    def run(self, record: Callable[[str, str, float], None]) -> None:
        """Measure on this machine's disk (unpack and index) and in QEMU (also load). `record` gets seconds and bytes."""
        archive = self.archive
        home = self._copy_home()
        host = self.folder / "host"
        for side, install in {
            "ours": lambda: self._install_ours(home, host),
            "plain": lambda: self._install_plain(archive, host),
        }.items():
            record("node on disk", side, min(_timed(install, host) for _ in range(_ROUNDS)))
            record("node bytes", side, _bytes_of(host))
        shutil.rmtree(host)
        over = self.folder / "over"
        shutil.copytree(_GUEST, over / "guest")
        (over / "plain").mkdir()
        (over / "plain/driver.tar.gz").hardlink_to(archive)
        machine = self.parts.machine(self.combination, over=[over], memory_mib=4096)
        for side in ("ours", "plain"):
            boot = machine.boot(side, self.folder / f"boot-{side}", seconds=_BOOT_SECONDS)
            if boot[side].code:
                raise SystemExit(f"{side} failed in QEMU:\n{boot[side].text}")
            record("node in QEMU", side, boot[side].seconds)

    def _install_ours(self, home: Path, host: Path) -> None:
        env = {**os.environ, "NVIDIA_INSTALLER_HOME": str(home), "HOST_ROOT": str(host)}
        command = [str(home / "bin/nvidia-installer"), "install", "--no-load"]
        subprocess.run(command, env=env, check=True, capture_output=True)

    def _install_plain(self, archive: Path, host: Path) -> None:
        target = host / "opt/nvidia"
        target.mkdir(parents=True)
        run(["tar", "-xzf", str(archive), "-C", str(target)])
        run(["sync", "--file-system", str(target)])
        run(["depmod", "-b", str(target), self.combination.kernel])

    def _copy_home(self) -> Path:
        reference = references(self.parts.project.component.image, self.combination)[0]
        container = self.parts.engine.containers.create(reference)
        try:
            run(["docker", "cp", f"{container.id}:/{HOME}", str(self.folder / "home")])
        finally:
            container.remove(v=True)
        return self.folder / "home"

    @cached_property
    def archive(self) -> Path:
        """The predecessor's archive: that of the plain image, with the graphics libraries added."""
        tree, archive = self.folder / "tree", self.folder / "driver.tar.gz"
        container = docker.DockerClient(base_url=self.plain.engine).containers.create(self.plain_image)
        source = f"{container.id}:/opt/nvidia-installer/driver-{self.combination.module_types[0]}.tar.gz"
        run(["docker", "--host", self.plain.engine, "cp", source, str(archive)])
        container.remove(v=True)
        tree.mkdir()
        run(["tar", "-xzf", str(archive), "-C", str(tree)])
        modules = tree / MODULES_FOLDER.format(kernel=self.combination.kernel)
        modules.mkdir(parents=True)
        for module in tree.glob("*.ko"):
            module.rename(modules / module.name)
        self._add_graphics(tree)
        run(["tar", "-czf", str(archive), "-C", str(tree), "."])
        shutil.rmtree(tree)
        return archive

    def _add_graphics(self, tree: Path) -> None:
        component = self.parts.project.component
        driver = component.driver_source_of(self.combination.driver)
        source = component.source_of(driver.release) if isinstance(driver, PackagedDriver) else None
        repositories = source.repositories if isinstance(source, AptSource) else []
        index = AptIndex(
            name="graphics",
            repositories=repositories,
            architecture=self.combination.architecture,
            machine=self.plain.machine,
            root=self.folder / "apt",
        )
        versions = {
            name: [v for v in index.versions(name) if v.startswith(self.combination.driver)] for name in _GRAPHICS
        }
        files = index.locate([(name, found[0]) for name, found in versions.items() if found])
        cache = self.parts.cache
        missing = [file for file in files if not cache.has_blob(file.sha256)]
        download_packages(missing, repositories, self.plain.machine, cache, advance=lambda _: None)
        for file in files:
            unpacked = self.folder / "unpacked" / file.name
            unpacked.mkdir(parents=True)
            unpack_deb(cache.blob(file.sha256), file, unpacked)
            shutil.copytree(unpacked, tree, dirs_exist_ok=True, symlinks=True)


def _timed(install: Callable[[], None], host: Path) -> float:
    shutil.rmtree(host, ignore_errors=True)
    (host / "run").mkdir(parents=True)
    started = time.monotonic()
    install()
    return time.monotonic() - started


def _bytes_of(folder: Path) -> int:
    return int(run(["du", "--summarize", "--block-size=1", str(folder)]).split()[0])
