"""An installer image under test, in a container."""

import json
import stat
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from docker.models.containers import Container
from testinfra.host import Host

from lifecycle.config.schema import ModuleType
from lifecycle.planning.matrix import Combination

HOME = "/opt/nvidia-installer"
# Each mode as tar and ls write it, such as `rwxr-sr-x`.
_MODES = {stat.filemode(mode)[1:]: mode for mode in range(0o10000)}


@dataclass(frozen=True)
class Installer:
    """An image under test, in a container that sleeps, with each module type unpacked by the image's own script."""

    combination: Combination
    reference: str
    container: Container
    host: Host
    copies: Path
    unpacked: set[ModuleType] = field(default_factory=set)

    @property
    def labels(self) -> dict[str, str]:
        assert self.container.image
        return dict(self.container.image.labels)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return dict(json.loads(self.host.file(f"{HOME}/manifest.json").content_string))

    @cached_property
    def archive_modes(self) -> dict[str, dict[str, int]]:
        """Return the mode of everything in each archive but links, by the archive's name, such as `modules-open`, and path."""
        return {
            name: self._modes(name) for name in ["userspace", *(f"modules-{t}" for t in self.combination.module_types)]
        }

    def _modes(self, archive: str) -> dict[str, int]:
        listed = self.host.check_output(
            f"tar --list --verbose --quoting-style=literal --zstd --file {HOME}/{archive}.tar.zst"
        )
        lines = (line.split(maxsplit=5) for line in listed.splitlines())
        return {name.rstrip("/"): _MODES[mode[1:]] for mode, _, _, _, _, name in lines if not mode.startswith("l")}

    def tree(self, module_type: ModuleType) -> str:
        """Return the folder in the container with user space and the modules of a type; unpack it on the first call."""
        folder = f"/unpacked/{module_type}"
        if module_type not in self.unpacked:
            self.host.run_expect([0], f"KERNEL_MODULE_TYPE={module_type} {HOME}/bin/nvidia-installer unpack %s", folder)
            self.unpacked.add(module_type)
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
