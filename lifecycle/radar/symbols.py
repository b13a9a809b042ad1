"""The kernel symbols that today's modules import, compared between today's kernel and a coming one."""

from collections.abc import Sequence
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.checks.fit import is_gpl_compatible
from lifecycle.checks.kernel_module import KernelModule, read_module
from lifecycle.checks.symvers import Symvers, read_symvers, symvers_of_headers
from lifecycle.config.lock import LockedKernel
from lifecycle.config.schema import ModuleType
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from lifecycle.radar.model import SymbolChanges

SYMVERS = "kernel.symvers"


# ----- pure


def compare_symbols(modules: Sequence[KernelModule], current: Symvers, coming: Symvers) -> SymbolChanges:
    """Return the changes of the symbols that modules import from the current kernel."""
    imported = {name for module in modules for name in module.imports if name in current.exports}
    there = sorted(imported & coming.exports.keys())
    gpl_only = [name for name in there if coming.exports[name].gpl_only and not current.exports[name].gpl_only]
    unfree = {name for module in modules if not is_gpl_compatible(module.license) for name in module.imports}
    has_crcs = current.has_crcs and coming.has_crcs
    changed = tuple(name for name in there if coming.exports[name].crc != current.exports[name].crc)
    return SymbolChanges(
        compared=len(imported),
        missing=tuple(sorted(imported - coming.exports.keys())),
        changed=changed if has_crcs else None,
        gpl_only=tuple(gpl_only),
        refused=tuple(name for name in gpl_only if name in unfree),
    )


# ----- effects


def current_symbols(
    cache: Cache, targets: Targets, combination: Combination, module_type: ModuleType
) -> tuple[list[KernelModule], Symvers] | None:
    """Return the compiled modules of a combination, and the symbols of their kernel; None unless the cache has them."""
    target = targets.compiled(combination, module_type)
    result = cache.result(target.kind, target.digest)
    if result is None or not result.file(SYMVERS).is_file():
        return None
    return [read_module(path) for path in sorted(result.folder.glob("*.ko"))], read_symvers(result.file(SYMVERS))


def symbols_of_kernel(cache: Cache, kernel: LockedKernel) -> Symvers | None:
    """Return the symbols of a kernel from its headers packages; None unless the cache has these."""
    packages: dict[str, Path] = {file.name: cache.blob(file.sha256) for file in kernel.headers}
    if not all(cache.has_blob(file.sha256) for file in kernel.headers):
        return None
    return symvers_of_headers(packages)
