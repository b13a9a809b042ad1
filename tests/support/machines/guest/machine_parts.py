"""Parts of the guests: kernels from their packages, the images' file systems, and the guest's own scripts."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import RLock

import docker

from lifecycle.cache.cache import Cache, file_name
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.required_inputs import boot_warning
from lifecycle.planning.tags import references
from tests.support.machines.guest import initramfs
from tests.support.machines.guest.firmware import SecureBoot
from tests.support.machines.guest.machine import GUEST, Machine
from tests.support.machines.guest.pci import NVSWITCH, Function


class NotDeclaredError(AssertionError):
    """A missing file or image; the message names the command that provides it."""


def kernel_packages(project: LockedProject, cache: Cache, combination: Combination) -> list[Path]:
    """Return the packages of a combination's kernel; raise NotDeclaredError if one is not in the cache."""
    kernel = project.lock.kernel_for(combination)
    if warning := boot_warning(combination.release, kernel):
        raise NotDeclaredError(warning)
    debs = {package.name: cache.blob(package.sha256) for package in kernel.image}
    missing = [name for name, deb in debs.items() if not deb.exists()]
    if missing:
        raise NotDeclaredError(f"{missing[0]} is not in the cache: run `invoke fetch --kernel-images`")
    return list(debs.values())


def vmlinuz_in(folder: Path, kernel: str) -> Path:
    """Return the kernel in its unpacked packages. Debian moved it out of /boot with Linux 7."""
    places = (folder / f"boot/vmlinuz-{kernel}", folder / f"usr/lib/modules/{kernel}/vmlinuz")
    return next(place for place in places if place.exists())


@dataclass(frozen=True, kw_only=True)
class MachineParts:
    """A factory of machines, which several threads can use.

    It needs the project, the project's cache, the engine, and a folder for initramfs archives.
    """

    project: LockedProject
    cache: Cache
    engine: docker.DockerClient
    folder: Path
    one_at_a_time: RLock = field(default_factory=RLock)

    @cached_property
    def guest(self) -> Path:
        """Return the guest's scripts as an archive."""
        folder = self.folder / "guest"
        shutil.copytree(GUEST, folder / "guest")
        (folder / "init").symlink_to("guest/init")
        return self.archive_of(folder)

    def archive_of(self, folder: Path) -> Path:
        archive = folder.with_suffix(".cpio")
        initramfs.of_folder(folder, archive)
        return archive

    def kernel(self, combination: Combination) -> Path:
        """Return the kernel, extracted from its packages; raise NotDeclaredError if one is not in the cache."""
        kernel = self.folder / f"vmlinuz-{combination.kernel}"
        if not kernel.exists():
            folder = self.folder / f"packages-{combination.kernel}"
            for deb in kernel_packages(self.project, self.cache, combination):
                subprocess.run(["dpkg-deb", "--extract", deb, folder], check=True)
            vmlinuz_in(folder, combination.kernel).rename(kernel)
            shutil.rmtree(folder)
        return kernel

    def image(self, combination: Combination) -> Path:
        """Return the image's file system as an archive; raise NotDeclaredError if the engine lacks the image."""
        reference = references(self.project.component.image, combination)[0]
        archive = self.folder / f"{file_name(combination.id)}.cpio"
        if not archive.exists():
            try:
                initramfs.of_image(self.engine, reference, archive)
            except docker.errors.ImageNotFound as error:
                raise NotDeclaredError(f"no image {reference}: run `invoke build --only {combination.id}`") from error
        return archive

    def machine(
        self,
        combination: Combination,
        *,
        kernel_of: Combination | None = None,
        functions: Sequence[Function] = (NVSWITCH,),
        over: Sequence[Path] = (),
        options: Sequence[str] = (),
        memory_mib: int = 3072,
        firmware: SecureBoot | None = None,
    ) -> Machine:
        """Return a machine with the image of a combination, and with its kernel or that of `kernel_of`.

        The content of the folders `over` is unpacked over the image.
        """
        with self.one_at_a_time:
            initramfs_archives = [self.image(combination), self.guest, *map(self.archive_of, over)]
            kernel = self.kernel(kernel_of or combination)
        return Machine(
            kernel=kernel,
            initramfs=initramfs_archives,
            functions=functions,
            options=options,
            memory_mib=memory_mib,
            firmware=firmware,
        )
