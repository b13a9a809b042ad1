"""The errors of the compile step, with the lines of its log that explain them."""

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import yaml

from lifecycle.config.image_versions import builder_name
from lifecycle.config.schema import ModuleType
from lifecycle.errors import InstallerError
from lifecycle.planning.matrix import Combination

_ERROR_LINE = re.compile(r"(: (fatal )?error:|^ERROR: |\berror: )")
_MAKE_LINE = re.compile(r"^make.*\*\*\* .*(Error|Stop)")
# A line of make itself, or of Kbuild about its next step: `BTF [M] nvidia.ko`, `MODPOST  Module.symvers`, `CONFTEST: vmap`.
_STEP_LINE = re.compile(r"make(\[\d+\])?:|[A-Z]+( \[M\]|:|\s{2})")
_SHOWN = 8
# Colours of a terminal (ECMA-48, SGR), which GCC_COLORS and clang can turn on.
_COLOUR = re.compile(r"\x1b\[[0-9;:]*[mK]")


class ModulesFailedError(InstallerError):
    """The modules of one type that do not compile, or that their kernel would refuse; `lines` is what a tool or a check said."""

    def __init__(self, brief: str, *, lines: Sequence[str], details: str, resolution: str) -> None:
        super().__init__(brief, details=details, resolution=resolution)
        self.lines = tuple(lines)


class CompileFailedError(ModulesFailedError):
    """Module sources that do not compile for a kernel: the compiler's error lines, and an exclude entry to paste."""

    def __init__(self, combination: Combination, module_type: ModuleType, log: Path, lines: Sequence[str]) -> None:
        shown = "\n".join(f"  {line}" for line in lines[:_SHOWN]) or "  (no error line; see the log)"
        said = re.sub(r"^\S+: (fatal )?error: ", "", lines[0]) if lines else "see the log"
        # component.yaml accepts printable characters only.
        said = "".join(sign if sign.isprintable() else " " for sign in said)
        # The YAML library quotes the compiler's message, which may contain any of them, on one line.
        quoted = yaml.safe_dump(f"does not compile: {said}", default_style='"', allow_unicode=True, width=sys.maxsize)
        super().__init__(
            f"{combination.id}: the {module_type} modules do not compile",
            lines=lines,
            details=f"{shown}\n  the whole log: {log}",
            resolution="If this driver does not support this kernel, paste this under context.exclude in component.yaml:\n"
            f"    - {{driverVersion: {combination.driver}, moduleType: {module_type}, "
            f"{_this_kernel(combination)}, reason: {quoted.strip()}}}",
        )


def _this_kernel(combination: Combination) -> str:
    """Return the keys of an exclusion of this kernel only: newer ones, and others of its version, may have what it lacks."""
    keys = f"kernelRelease: {combination.kernel}"
    alone = combination.kernel_name == combination.kernel
    return keys if alone else f"{keys}, architecture: {combination.architecture}"


class UnusablePatchError(ModulesFailedError):
    """A patch that the sources refuse although its conditions hold, or a probe without an answer: the log's lines."""

    def __init__(self, combination: Combination, module_type: ModuleType, log: Path, said: Sequence[str]) -> None:
        super().__init__(
            f"{combination.id}: the {module_type} modules: {said[0]}",
            lines=said,
            details="\n".join([*(f"  {line}" for line in said[1:_SHOWN]), f"  the whole log: {log}"]),
            resolution="Narrow its conditions in patches/series.yaml, correct it, or remove it.",
        )


class UnusableBuilderError(InstallerError):
    """A builder without the compiler that the kernel needs; `said` is compile.sh's sentence."""

    def __init__(self, combination: Combination, log: Path, said: str) -> None:
        super().__init__(
            f"{combination.id}: {said}",
            details=f"  the whole log: {log}",
            resolution=f"Name a base that has it as {builder_name(combination.release)} in image_versions.",
        )


class InvalidHeadersError(InstallerError):
    """Header packages of another kernel than the one that they are locked for."""

    def __init__(self, combination: Combination, log: Path) -> None:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_SHOWN:]
        super().__init__(
            f"{combination.id}: the kernel's headers cannot be used",
            details="\n".join(f"  {line}" for line in said),
            resolution="Check sources.packages.headers in component.yaml, and run `invoke update`.",
        )


class IncompatibleModulesError(ModulesFailedError):
    """Modules that compiled, but that the kernel would refuse."""

    def __init__(self, combination: Combination, module_type: ModuleType, findings: Sequence[str]) -> None:
        super().__init__(
            f"{combination.id}: the {module_type} modules do not fit the kernel",
            lines=findings,
            details="\n".join(f"  {finding}" for finding in findings[:_SHOWN]),
            resolution="The headers do not match the toolchain: check image_versions and sources.releases.",
        )


def error_lines(log: str) -> list[str]:
    """Return the compiler's error lines in a make log, in order, each once.

    If there are none, return make's own error lines, and before each the last line of the program that failed.
    """
    lines = [_COLOUR.sub("", line).strip() for line in log.splitlines()]
    own = [line for line in lines if _ERROR_LINE.search(line)]
    return list(dict.fromkeys(own or _failed_programs(lines)))


def _failed_programs(lines: Sequence[str]) -> Iterator[str]:
    for before, line in pairwise(["", *lines]):
        if _MAKE_LINE.search(line):
            if before and not _STEP_LINE.match(before):
                yield before
            yield line
