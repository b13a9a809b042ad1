"""package: archives that do not depend on who makes them. One of user space a driver, one of modules a module type."""

import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lifecycle.errors import InstallerError
from lifecycle.model.component import ModuleType
from lifecycle.model.lock import LockedFile
from lifecycle.model.matrix import Combination
from lifecycle.model.targets import Target, Targets
from lifecycle.tools.archive import extract_safely, manifest_of, write_tar_zst
from lifecycle.tools.process import ProgramMissingError
from lifecycle.tools.results import Archive, archive_of
from lifecycle.tools.store import Store

# Measured (benchmarks/README.md): level 19 saves 4 % of level 9 and takes eight times as long.
ZSTD_LEVEL = 9
MODULES_FOLDER = "lib/modules/{kernel}/kernel/drivers/video/nvidia"

_BLOCK = 4096

# Where a package's file goes in the archive; the first rule that matches decides, what matches none is left out.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:usr/)?lib/firmware/(.+)"), r"lib/firmware/\1"),
    (re.compile(r"(?:usr/)?lib/(?:.+/)?(lib[^/]+\.so(?:\.[^/]+)?)"), r"lib/\1"),
    (re.compile(r"(?:usr/)?s?bin/([^/]+)"), r"bin/\1"),
    (re.compile(r"usr/lib/nvidia/current/(nvidia-smi)"), r"bin/\1"),
    (re.compile(r"etc/OpenCL/vendors/([^/]+)"), r"etc/OpenCL/vendors/\1"),
    (re.compile(r"usr/share/doc/([^/]+)/copyright"), r"share/doc/\1/copyright"),
)


class NotADebError(InstallerError):
    """A package that dpkg-deb cannot read."""

    def __init__(self, file: LockedFile, said: str) -> None:
        super().__init__(f"{file.name} {file.version} cannot be unpacked", details=f"  {said.strip()}")


# ----- pure


def place_of(path: str) -> str | None:
    """Where a package's file goes in the user-space archive: `bin/nvidia-smi`; None if it does not belong there."""
    for pattern, place in _RULES:
        match = pattern.fullmatch(path)
        if match:
            return match.expand(place)
    return None


def disk_bytes(folder: Path) -> int:
    """The bytes that a folder's content needs on a disk with blocks of 4 KiB, as ext4 and XFS have by default."""
    sizes = [path.lstat().st_size if path.is_file() and not path.is_symlink() else 0 for path in folder.rglob("*")]
    return sum(_BLOCK * (1 + -(-size // _BLOCK)) for size in sizes)


# ----- effects


@dataclass(frozen=True, kw_only=True)
class Packager:
    """The hands of this step; `threads` is how many zstd may use."""

    targets: Targets
    store: Store
    threads: int

    def userspace(self, combination: Combination) -> Archive:
        """The driver's libraries, tools and firmware as one archive, laid out as scripts/node expects them."""
        target = self.targets.userspace(combination)
        with self.store.scratch("userspace") as folder:
            for file in self.targets.driver(combination).userspace:
                self._place(file, folder / "unpacked" / file.name, folder / "tree")
            return self._keep(target, folder / "tree", {"driver": combination.driver})

    def modules(self, combination: Combination, module_type: ModuleType) -> Archive:
        """The modules of one type as one archive, at the place where depmod and modprobe look below a root."""
        modules = self.targets.modules(combination, module_type)
        made = self.store.result(modules.kind, modules.digest)
        if made is None:
            raise InstallerError(f"the modules of {modules.name} are not compiled", resolution="Run `invoke compile`.")
        with self.store.scratch("modules") as folder:
            place = folder / "tree" / MODULES_FOLDER.format(kernel=combination.kernel)
            place.mkdir(parents=True)
            for module in sorted(made.folder.glob("*.ko")):
                shutil.copyfile(module, place / module.name)
            about = {"module_type": str(module_type), "modules": made.about["modules"]}
            return self._keep(self.targets.archive(combination, module_type), folder / "tree", about)

    def _place(self, file: LockedFile, unpacked: Path, tree: Path) -> None:
        unpack_deb(self.store.blob(file.sha256), file, unpacked)
        for path in sorted(unpacked.rglob("*")):
            place = place_of(path.relative_to(unpacked).as_posix())
            if place is None or (path.is_dir() and not path.is_symlink()):
                continue
            to = tree / place
            to.parent.mkdir(parents=True, exist_ok=True)
            path.rename(to)

    def _keep(self, target: Target, tree: Path, extra: Mapping[str, object]) -> Archive:
        about: dict[str, object] = {
            "name": target.name,
            "inputs": target.inputs,
            "contents": manifest_of(tree),
            "unpacked_bytes": disk_bytes(tree),
            **extra,
        }
        with self.store.making(target.kind, target.digest, about) as folder:
            write_tar_zst(tree, folder / "archive.tar.zst", level=ZSTD_LEVEL, threads=self.threads)
        self.store.remember(target.kind, target.name, target.inputs)
        result = self.store.result(target.kind, target.digest)
        if result is None:
            raise InstallerError(f"the archive of {target.name} vanished from the cache while it was made")
        return archive_of(result)


def unpack_deb(deb: Path, file: LockedFile, folder: Path) -> None:
    """Unpack a package's files (not its scripts) into a folder; raises NotADebError, UnsafeArchiveError."""
    folder.mkdir(parents=True)
    # What it says goes to a file: a second pipe that nobody reads would block it.
    with tempfile.TemporaryFile() as said, _dpkg_deb(deb, said) as process:
        if process.stdout is None:
            raise NotADebError(file, "no output")
        try:
            extract_safely(process.stdout, folder, archive=deb.name)
        except BaseException as error:
            process.kill()
            if isinstance(error, tarfile.ReadError):
                raise NotADebError(file, _text(said) or str(error)) from error
            raise
        if process.wait():
            raise NotADebError(file, _text(said))


def _dpkg_deb(deb: Path, said: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE, stderr=said)
    except FileNotFoundError as error:
        raise ProgramMissingError("dpkg-deb") from error


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
