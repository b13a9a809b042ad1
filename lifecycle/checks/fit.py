"""A check that a kernel can load a set of modules, without booting it.

The rules are those of the kernel (kernel/module/main.c, version.c, signing.c):
- The kernel release in vermagic is the same.
- The kernel or another of the modules exports each imported symbol, with the same CRC if the kernel has CRCs.
- The module's licence allows each imported symbol, and the module imports the symbol's namespace.
- The declared signer, if any, signed the module.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.checks.kernel_module import KernelModule
from lifecycle.checks.signature import Signature, read_signature
from lifecycle.checks.symvers import Export, Symvers
from lifecycle.config.security import Signer

# include/linux/license.h, license_is_gpl_compatible().
_GPL_COMPATIBLE = {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"}


def is_gpl_compatible(licence: str) -> bool:
    """Return whether a module of a licence may use GPL-only symbols."""
    return licence in _GPL_COMPATIBLE


class Problem(StrEnum):
    """The kind of a finding."""

    RELEASE = "wrong kernel release"
    ARCHITECTURE = "wrong architecture"
    VERSION = "wrong driver version"
    UNRESOLVED = "unresolved symbol"
    CRC = "wrong CRC"
    NO_CRC = "no CRCs"
    LICENCE = "GPL-only symbol"
    NAMESPACE = "namespace not imported"
    DEBUG_INFO = "debug info"
    UNSIGNED = "not signed"
    SIGNATURE = "wrong signature"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A problem of a module; `module` is its file name."""

    module: str
    problem: Problem
    message: str


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The properties that modules must have; without a `signer`, signatures are not required."""

    symvers: Symvers
    kernel_release: str
    architecture: str
    driver_version: str
    signer: Signer | None = None


@dataclass(frozen=True, kw_only=True)
class ModuleReport:
    """The result of the check of one module.

    `kernel_symbols` counts the imports that the kernel has to export, with module_layout if the module has a CRC for it.
    `matching` counts those that the kernel exports, with the same CRC if it has CRCs. `sibling_symbols` counts the imports
    that another module exports. `signature` is None for an unsigned module.
    """

    module: KernelModule
    kernel_symbols: int
    matching: int
    sibling_symbols: int
    signature: Signature | None
    findings: tuple[Finding, ...]


def check_modules(modules: Sequence[KernelModule], expected: Expectation) -> tuple[Finding, ...]:
    """Return the findings of all modules, in their order; none if the kernel can load them."""
    return tuple(finding for report in examine_modules(modules, expected) for finding in report.findings)


def examine_modules(modules: Sequence[KernelModule], expected: Expectation) -> tuple[ModuleReport, ...]:
    """Return the report of each module, in their order."""
    return tuple(_examine(module, modules, expected) for module in modules)


def _examine(module: KernelModule, modules: Sequence[KernelModule], expected: Expectation) -> ModuleReport:
    exports, has_crcs = expected.symvers.exports, expected.symvers.has_crcs
    siblings = _siblings(module, modules)
    own = {name: crc for name, crc in _expected_crcs(module).items() if name in exports or name not in siblings}
    matching = [name for name, crc in own.items() if name in exports and (not has_crcs or crc == exports[name].crc)]
    signature = read_signature(module.path, expected.signer) if module.signed else None
    problems = [*_problems(module, siblings, expected), *_signature_problems(signature, expected.signer)]
    return ModuleReport(
        module=module,
        kernel_symbols=len(own),
        matching=len(matching),
        sibling_symbols=len([name for name in module.imports if name not in own]),
        signature=signature,
        findings=tuple(Finding(module=module.path.name, problem=p, message=message) for p, message in problems),
    )


def _siblings(module: KernelModule, modules: Sequence[KernelModule]) -> dict[str, int | None]:
    return {name: crc for other in modules if other is not module for name, crc in other.exports.items()}


def _expected_crcs(module: KernelModule) -> dict[str, int | None]:
    layout = {} if module.layout_crc is None else {"module_layout": module.layout_crc}
    return {**module.imports, **layout}


def _signature_problems(signature: Signature | None, signer: Signer | None) -> Iterator[tuple[Problem, str]]:
    if signer is not None and signature is None:
        yield Problem.UNSIGNED, "is not signed, though component.yaml declares signing"
    elif signature is not None and signature.problem:
        by = f" by {signature.signer}" if signature.signer else ""
        yield Problem.SIGNATURE, f"is signed{by}, but the signature is not valid: {signature.problem}"


def _problems(
    module: KernelModule, siblings: Mapping[str, int | None], expected: Expectation
) -> Iterator[tuple[Problem, str]]:
    if module.kernel_release != expected.kernel_release:
        yield Problem.RELEASE, f"was built for kernel {module.kernel_release}, not {expected.kernel_release}"
    if module.architecture != expected.architecture:
        yield Problem.ARCHITECTURE, f"is for {module.architecture}, not {expected.architecture}"
    if module.version and module.version != expected.driver_version:
        yield Problem.VERSION, f"is of driver {module.version}, not {expected.driver_version}"
    if module.has_debug_info:
        yield Problem.DEBUG_INFO, "contains debug info, which makes it ten times as large"
    yield from _symbol_problems(module, siblings, expected.symvers)


def _symbol_problems(
    module: KernelModule, siblings: Mapping[str, int | None], symvers: Symvers
) -> Iterator[tuple[Problem, str]]:
    exports = symvers.exports
    unresolved = [name for name in module.imports if name not in exports and name not in siblings]
    if unresolved:
        yield Problem.UNRESOLVED, f"imports {unresolved[0]}, which nothing exports{_more(unresolved)}"
    if symvers.has_crcs:
        yield from _crc_problems(module, siblings, exports)
    gpl_only = _importing(module, exports, lambda export: export.gpl_only)
    if gpl_only and not is_gpl_compatible(module.license):
        yield Problem.LICENCE, f"imports {gpl_only[0]}, GPL-only, under licence {module.license!r}{_more(gpl_only)}"
    foreign = _importing(module, exports, lambda e: bool(e.namespace) and e.namespace not in module.namespaces)
    if foreign:
        namespace = exports[foreign[0]].namespace
        yield (
            Problem.NAMESPACE,
            f"imports {foreign[0]} of namespace {namespace} without importing the namespace{_more(foreign)}",
        )


def _crc_problems(
    module: KernelModule, siblings: Mapping[str, int | None], exports: Mapping[str, Export]
) -> Iterator[tuple[Problem, str]]:
    if not module.has_versions:
        yield Problem.NO_CRC, "has no CRCs, so the kernel cannot check that it fits"
        return
    layout = exports["module_layout"].crc if "module_layout" in exports else None
    offered = {**siblings, **{name: export.crc for name, export in exports.items()}, "module_layout": layout}
    wrong = [
        (name, crc, offered[name])
        for name, crc in _expected_crcs(module).items()
        if crc is not None and offered.get(name) is not None and crc != offered[name]
    ]
    if wrong:
        name, has, needs = wrong[0]
        names = [entry[0] for entry in wrong]
        yield Problem.CRC, f"expects {name} with CRC 0x{has:08x}, the kernel has 0x{needs:08x}{_more(names)}"


def _importing(module: KernelModule, exports: Mapping[str, Export], condition: Callable[[Export], bool]) -> list[str]:
    return [name for name in module.imports if name in exports and condition(exports[name])]


def _more(names: Sequence[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
