"""An installer image under test, in a container."""

import json
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import zstandard
from docker.models.containers import Container
from testinfra.host import Host

from lifecycle.config.schema import ModuleType
from lifecycle.planning.matrix import Combination

HOME = "/opt/nvidia-installer"


@dataclass(frozen=True)
class Installer:
    """An image under test, in a container that sleeps, with each module type unpacked by the image's own script."""

    combination: Combination
    reference: str
    container: Container
    host: Host
    copies: Path

    @property
    def labels(self) -> dict[str, str]:
        assert self.container.image
        return dict(self.container.image.labels)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return dict(json.loads(self.host.file(f"{HOME}/manifest.json").content_string))

    @cached_property
    def archive_members(self) -> dict[str, list[tarfile.TarInfo]]:
        """Return the headers of everything in each archive of the image, by the archive's name, such as `modules-open`."""
        return {
            name: self._members(name)
            for name in ["userspace", *(f"modules-{t}" for t in self.combination.module_types)]
        }

    def _members(self, archive: str) -> list[tarfile.TarInfo]:
        path = self.copies / f"{archive}.tar.zst"
        subprocess.run(
            ["docker", "cp", f"{self.container.id}:{HOME}/{path.name}", path], check=True, capture_output=True
        )
        with zstandard.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            return list(tar)

    def tree(self, module_type: ModuleType) -> str:
        """Return the folder in the container with user space and the modules of a type; unpack it on the first call."""
        folder = f"/unpacked/{module_type}"
        if not self.host.file(folder).exists:
            self.host.run_expect([0], f"KERNEL_MODULE_TYPE={module_type} {HOME}/bin/nvidia-installer unpack %s", folder)
        return folder

    def module_names(self, module_type: ModuleType) -> list[str]:
        found = self.host.check_output("find %s/lib/modules -name '*.ko' -printf '%%f\n'", self.tree(module_type))
        return sorted(found.split())

    def modules(self, module_type: ModuleType) -> list[Path]:
        """Return the modules as ELF files, copied out of the container on the first call."""
        out = self.copies / str(module_type)
        if not out.exists():
            source = f"{self.container.id}:{self.tree(module_type)}/lib/modules/{self.combination.kernel}"
            out.mkdir(parents=True)
            subprocess.run(["docker", "cp", source, str(out)], check=True, capture_output=True)
        return sorted(out.rglob("*.ko"))
