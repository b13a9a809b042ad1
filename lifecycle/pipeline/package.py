"""package: reproducible archives, one of user space per driver and one of modules per module type."""

import gzip
import shutil
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import ARCHIVE, Archive, archive_of
from lifecycle.checks.shared_object import soname_of
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.archive_layout import archive_path
from lifecycle.pipeline.step_results import compiled_modules, keep
from lifecycle.pipeline.supported_gpus import UnreadableListError, supported_gpus
from lifecycle.pipeline.unpack import Unpacker
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Target, Targets
from lifecycle.tools.archive import file_digests, file_modes, write_tar_zst
from lifecycle.tools.file_format import FileFormat, format_of

# Measured (benchmarks/README.md): level 19 saves 10 % compared with level 12 but takes many times as long. For modules no level
# saves more than 2 %. User space is packed once per driver, and every node pulls it.
ZSTD_LEVEL = 12
MODULES_FOLDER = "lib/modules/{kernel}/kernel/drivers/video/nvidia"

_BLOCK = 4096

# ----- pure


def disk_bytes(folder: Path) -> int:
    """Return the bytes that a folder needs on a disk with blocks of 4 KiB, the default of ext4 and XFS."""
    sizes = [path.lstat().st_size if path.is_file() and not path.is_symlink() else 0 for path in folder.rglob("*")]
    return sum(_BLOCK * (1 + -(-size // _BLOCK)) for size in sizes)


# ----- effects


def link_sonames(folder: Path) -> None:
    """Add the link named by its DT_SONAME to each library that lacks it, as the libraries of a .run file do."""
    for path in sorted(folder.glob("lib*.so.*")):
        if path.is_symlink():
            continue
        name = soname_of(path)
        if name and not (folder / name).exists():
            (folder / name).symlink_to(path.name)


def read_supported_gpus(share: Path) -> list[str]:
    """Return the driver's own list of GPUs below a folder, as lines; none if it has no list. Raises UnreadableListError."""
    plain, packed = share / "supported-gpus.json", share / "supported-gpus.json.gz"
    try:
        if plain.is_file():
            return supported_gpus(plain.read_text(encoding="utf-8"))
        if packed.is_file():
            return supported_gpus(gzip.decompress(packed.read_bytes()).decode())
    except (EOFError, OSError, UnicodeError, zlib.error) as error:
        raise UnreadableListError(str(error)) from error
    return []


def _ignore(_: str) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Packager:
    """The packager of archives. `threads` is the number of zstd's threads, `level` its level; `warn` prints a warning."""

    targets: Targets
    cache: Cache
    threads: int
    level: int = field(default_factory=lambda: ZSTD_LEVEL)
    warn: Callable[[str], None] = _ignore

    def userspace(self, combination: Combination, unpacker: Unpacker) -> Archive:
        """Pack the driver's libraries, tools and firmware, in the layout that scripts/node expects."""
        target = self.targets.userspace(combination)
        with self.cache.scratch("userspace") as folder:
            tree = folder / "tree"
            for file in self.targets.project.lock.driver_for(combination).userspace:
                self._place(file, unpacker, folder / "unpacked" / file.name, tree, combination.driver)
            link_sonames(tree / "lib")
            gpus = self._supported_gpus(tree, combination.driver)
            return self._keep(target, tree, {"driver": combination.driver, **gpus})

    def modules(self, combination: Combination, module_type: ModuleType) -> Archive:
        """Pack the modules of one type, in the folder where depmod and modprobe look below a root.

        Raises InstallerError if the modules are not compiled.
        """
        modules = self.targets.modules(combination, module_type)
        made = compiled_modules(self.cache, modules)
        with self.cache.scratch("modules") as folder:
            place = folder / "tree" / MODULES_FOLDER.format(kernel=combination.kernel)
            place.mkdir(parents=True)
            for module in sorted(made.folder.glob("*.ko")):
                shutil.copyfile(module, place / module.name)
            about = {"module_type": str(module_type), "modules": made.modules, "patches": made.patches}
            return self._keep(self.targets.archive(combination, module_type), folder / "tree", about)

    def _supported_gpus(self, tree: Path, driver: str) -> dict[str, object]:
        """Return the list of GPUs for the archive's record. The node does without it, so an unknown format fails no build."""
        try:
            lines = read_supported_gpus(tree / "share/nvidia")
        except UnreadableListError as error:
            self.warn(
                f"driver {driver}: {error}. Its nodes use the table in scripts/node/lib/modules/supported-gpus.sh"
            )
            return {}
        return {"supported_gpus": lines} if lines else {}

    def _place(self, file: LockedFile, unpacker: Unpacker, unpacked: Path, tree: Path, version: str) -> None:
        file_format = format_of(file.file_name) or FileFormat.DEB

        def place(path: str) -> str | None:
            return archive_path(path, file_format, version=version)

        unpacker.unpack(file, unpacked, wanted=lambda path: place(path) is not None)
        for path in sorted(unpacked.rglob("*")):
            where = place(path.relative_to(unpacked).as_posix())
            if where is None or (path.is_dir() and not path.is_symlink()):
                continue
            to = tree / where
            to.parent.mkdir(parents=True, exist_ok=True)
            path.rename(to)

    def _keep(self, target: Target, tree: Path, extra: Mapping[str, object]) -> Archive:
        about: dict[str, object] = {
            "name": target.name,
            "inputs": target.inputs,
            "contents": file_digests(tree),
            "modes": file_modes(tree),
            "unpacked_bytes": disk_bytes(tree),
            **extra,
        }
        with self.cache.making(target.kind, target.digest, about) as folder:
            write_tar_zst(tree, folder / ARCHIVE, level=self.level, threads=self.threads)
        return archive_of(keep(self.cache, target))
