from pathlib import Path

import pytest

from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.compile_errors import CompileFailedError, IncompatibleModulesError, UnusablePatchError
from lifecycle.radar.causes import cause_of, classify, first_cause, is_of_the_sources
from lifecycle.radar.model import Cause, CauseKind
from tests.support.builders.projects import project

(COMBINATION, *_) = project().matrix.combinations
OPEN = ModuleType.OPEN


@pytest.mark.parametrize(
    ("line", "kind", "name"),
    [
        ("a.c:1:10: fatal error: linux/none.h: No such file or directory", CauseKind.HEADER, "linux/none.h"),
        ("a.c:1:10: fatal error: 'linux/none.h' file not found", CauseKind.HEADER, "linux/none.h"),
        ("a.c:1:1: error: implicit declaration of function 'in_irq'; did you mean", CauseKind.FUNCTION, "in_irq"),
        ("a.c:1:1: error: implicit declaration of function \u2018in_irq\u2019", CauseKind.FUNCTION, "in_irq"),
        ("a.c:1:1: error: call to undeclared function 'in_irq'; ISO C99", CauseKind.FUNCTION, "in_irq"),
        ("a.c:1:1: error: 'strncpy' undeclared (first use in this function)", CauseKind.FUNCTION, "strncpy"),
        ("a.c:1:1: error: use of undeclared identifier 'strncpy'", CauseKind.FUNCTION, "strncpy"),
        ('ERROR: modpost: "foo" [/build/open/nvidia.ko] undefined!', CauseKind.FUNCTION, "foo"),
        ("a.c:1:1: error: 'struct vma' has no member named '__vm_flags'", CauseKind.MEMBER, "__vm_flags"),
        ("a.c:1:1: error: no member named '__vm_flags' in 'struct vma'", CauseKind.MEMBER, "__vm_flags"),
        ("a.c:1:1: error: too few arguments to function 'pci_resize'", CauseKind.SIGNATURE, "pci_resize"),
        ("a.c:1:1: error: too many arguments to function call, expected 3", CauseKind.SIGNATURE, ""),
        ("a.c:1:1: error: passing argument 1 of 'f' from incompatible pointer type", CauseKind.SIGNATURE, "f"),
        ("a.c:1:1: error: initialization of 'int (*)(void)' from incompatible pointer type", CauseKind.SIGNATURE, ""),
        ("a.c:1:1: error: unknown type name 'dma_x'", CauseKind.TYPE, "dma_x"),
        ("a.c:1:1: error: invalid use of undefined type 'struct dma_x'", CauseKind.TYPE, "dma_x"),
        (
            "ERROR: modpost: GPL-incompatible module nvidia.ko uses GPL-only symbol '__vma_start_write'",
            CauseKind.LICENCE,
            "__vma_start_write",
        ),
        ("a.c:1:1: error: #error too old", CauseKind.OTHER, ""),
    ],
)
def test_an_error_line_has_a_kind_and_an_identifier(line: str, kind: CauseKind, name: str) -> None:
    assert classify(line) == (kind, name)


def test_the_first_error_is_the_cause_with_its_place_below_the_sources() -> None:
    lines = [
        "/build/open/nvidia/nv.c:12:3: error: 'struct vma' has no member named 'x'",
        "a.c:1:1: error: implicit declaration of function 'f'",
    ]

    assert first_cause(lines) == Cause(
        kind=CauseKind.MEMBER, place="nvidia/nv.c:12", name="x", words="'struct vma' has no member named 'x'"
    )


def test_a_fault_of_the_machine_goes_first_and_is_not_remembered() -> None:
    disk = "a.c:9:1: fatal error: error writing to /tmp/x.s: No space left on device"
    found = first_cause(["a.c:1:1: error: implicit declaration of function 'f'", disk])

    assert found.kind is CauseKind.FAULT
    assert not is_of_the_sources(found)


@pytest.mark.parametrize(
    ("line", "remembered"),
    [
        ("a.c:1:1: error: #error too old", True),
        ("ERROR: modpost: GPL-incompatible module a.ko uses GPL-only symbol 'b'", True),
        ("make: *** no rule to make target 'modules'.  Stop.", False),
        ("the container was stopped", False),
    ],
)
def test_an_error_that_names_the_sources_is_remembered(line: str, remembered: bool) -> None:
    assert is_of_the_sources(first_cause([line])) is remembered


def test_a_failed_compile_without_an_error_line_has_its_brief_as_the_words() -> None:
    found = cause_of(CompileFailedError(COMBINATION, OPEN, Path("/log"), []))

    assert (found.kind, found.words) == (CauseKind.OTHER, f"{COMBINATION.id}: the open modules do not compile")


def test_a_refused_patch_is_named_by_its_file() -> None:
    said = "patch 003-in-irq.patch does not apply to driver 550.163.01"
    found = cause_of(UnusablePatchError(COMBINATION, OPEN, Path("/log"), [said]))

    assert (found.kind, found.name, found.words) == (CauseKind.PATCH, "in-irq.patch", said)


@pytest.mark.parametrize(
    ("finding", "kind", "name"),
    [
        ("nvidia.ko: imports foo, which nothing exports (and 2 more)", CauseKind.SYMBOL, "foo"),
        ("nvidia.ko: expects foo with CRC 0x00000001, the kernel has 0x00000002", CauseKind.SYMBOL, "foo"),
        ("nvidia.ko: imports foo, GPL-only, under licence 'NVIDIA'", CauseKind.LICENCE, "foo"),
        ("nvidia-drm.ko was not built", CauseKind.OTHER, ""),
    ],
)
def test_modules_that_a_kernel_refuses_name_the_first_symbol(finding: str, kind: CauseKind, name: str) -> None:
    found = cause_of(IncompatibleModulesError(COMBINATION, OPEN, [finding]))

    assert (found.kind, found.name, found.words) == (kind, name, finding)
