from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.config.component import Exclusion
from lifecycle.config.lock import LockedKernel
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.versions import linux_version
from lifecycle.pipeline.compile_errors import CompileFailedError, error_lines
from lifecycle.planning.matrix import Combination, Matrix
from tests.support.builders.projects import component, driver, kernel, lock, project

OPEN, PROPRIETARY = ModuleType.OPEN, ModuleType.PROPRIETARY
COMBINATIONS = project().matrix.combinations
LOG = """\
  CC [M]  /build/open/nvidia/nv-pci.o
/build/open/nvidia/nv-pci.c: In function 'nv_resize_pcie_bars':
/build/open/nvidia/nv-pci.c:237:9: error: too few arguments to function 'pci_resize_resource'
  237 |     r = pci_resize_resource(pci_dev, NV_GPU_BAR1, requested_size);
      |         ^~~~~~~~~~~~~~~~~~~
/build/open/nvidia/nv-pci.c:240:9: warning: this is only a warning
/build/open/nvidia/nv-pci.c:237:9: error: too few arguments to function 'pci_resize_resource'
make[3]: *** [/usr/src/scripts/Makefile.build:250: /build/open/nvidia/nv-pci.o] Error 1
ERROR: modpost: "foo" [/build/open/nvidia.ko] undefined!
"""


def test_the_compilers_own_error_lines_are_picked_out_of_a_log_each_once() -> None:
    assert error_lines(LOG) == [
        "/build/open/nvidia/nv-pci.c:237:9: error: too few arguments to function 'pci_resize_resource'",
        'ERROR: modpost: "foo" [/build/open/nvidia.ko] undefined!',
    ]


def test_makes_own_words_do_where_there_are_no_others() -> None:
    assert error_lines("make[1]: *** No rule to make target 'modules'.  Stop.\n") == [
        "make[1]: *** No rule to make target 'modules'.  Stop."
    ]


def test_colours_are_no_part_of_an_error_line() -> None:
    coloured = "\x1b[01m\x1b[Knv-pci.c:237:9:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Ktoo few arguments\n"

    assert error_lines(coloured) == ["nv-pci.c:237:9: error: too few arguments"]


def test_a_program_that_fails_says_why_before_make_does() -> None:
    log = """\
  LD [M]  nvidia.ko
  BTF [M] nvidia.ko
awk: 1: unexpected character '''
make[4]: *** [scripts/Makefile.modfinal:54: nvidia.ko] Error 2
make[4]: *** Deleting file 'nvidia.ko'
make[3]: *** [Makefile:2184: modules] Error 2
"""

    assert error_lines(log) == [
        "awk: 1: unexpected character '''",
        "make[4]: *** [scripts/Makefile.modfinal:54: nvidia.ko] Error 2",
        "make[3]: *** [Makefile:2184: modules] Error 2",
    ]


def test_a_clean_log_has_no_error_lines() -> None:
    assert error_lines("  CC [M]  error-handling.o\n  LD [M]  nvidia.ko\n-Werror=incompatible\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "nv-pci.c:237:9: error: too few arguments to function 'pci_resize_resource'",
        'nv.c:1:1: error: expected \u2018;\u2019 before "x" \\q \\x1',
        "nv.c:1:1: error: {braces}: colons: and \\backslashes, # hash",
        "nv.c:1:1: fatal error: linux/none.h: No such file or directory",
        "x: error: no",
        "x: error: \x1b[01;31mred\x1b[0m \x7f \x00 \ufeff \udcff",
        "",
    ],
)
def test_the_exclusion_to_paste_can_be_pasted_and_excludes_what_failed(line: str) -> None:
    failed = COMBINATIONS[3]
    error = CompileFailedError(failed, OPEN, Path("/log"), [line] if line else [])
    entry = next(part for part in str(error).splitlines() if part.startswith("    - {"))
    anchor = "    - {driverVersion: 535, moduleType: open, reason: there are no open modules of it}"
    pasted = project(component=component((anchor, f"{anchor}\n{entry}"))).matrix

    assert [c.module_types for c in pasted.combinations] == [
        (PROPRIETARY,),
        (PROPRIETARY, OPEN),
        (PROPRIETARY,),
        (PROPRIETARY,),
    ]


def test_a_failure_names_combination_error_line_and_log() -> None:
    text = str(CompileFailedError(COMBINATIONS[3], OPEN, Path("/cache/logs/x.log"), error_lines(LOG)))

    assert text.startswith(
        "new-2/6.12.117-amd64/550.163.01: the open modules do not compile\n  /build/open/nvidia/nv-pci.c:237:9: error"
    )
    assert "  the whole log: /cache/logs/x.log" in text


# What the log is read as: any characters but surrogates, and a line ends where str.splitlines ends it.
messages = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(lambda text: "".join(text.splitlines()))


@given(messages)
def test_the_entry_to_paste_is_one_line_and_an_exclusion_for_any_error(message: str) -> None:
    error = CompileFailedError(COMBINATIONS[3], OPEN, Path("/log"), [f"nv.c:1:1: error: {message}"])
    entry = str(error).rpartition("component.yaml:\n")[2]
    (pasted,) = yaml.safe_load(entry)
    exclusion = Exclusion.model_validate(pasted)

    assert "\n" not in entry
    assert exclusion.reason == f"does not compile: {''.join(c if c.isprintable() else ' ' for c in message)}"
    assert exclusion.matches(
        driver="550.163.01",
        module_type=OPEN,
        kernel="6.12.117",
        kernel_release="6.12.117-amd64",
        architecture=COMBINATIONS[3].architecture,
    )


def pasted_matrix(failed: Combination, kernels: Mapping[str, LockedKernel], *edits: tuple[str, str]) -> Matrix:
    """Return the matrix after the entry for a failed combination was pasted."""
    entry = str(CompileFailedError(failed, OPEN, Path("/log"), [])).rpartition("component.yaml:\n")[2]
    anchor = "    - {driverVersion: 535, moduleType: open, reason: there are no open modules of it}"
    pairs = [(name, architecture) for name in ("535", "550.163.01") for architecture in Architecture]
    drivers = {f"{name}/{a}": driver("535.309.01" if name == "535" else name) for name, a in pairs}
    return project(
        component=component((anchor, f"{anchor}\n{entry}"), *edits), lock=lock(kernels=kernels, drivers=drivers)
    ).matrix


@pytest.mark.parametrize("other", ["6.12.118+deb13-cloud-amd64", "6.12.60-rt-amd64", "6.12.60+deb13-cloud-amd64"])
def test_the_entry_of_one_kernel_never_excludes_another(other: str) -> None:
    kernels = {
        "old-1/amd64": kernel("6.12.60-cloud-amd64", "6.12.60"),
        "new-2/amd64": kernel(other, linux_version(other)),
    }
    failed = replace(COMBINATIONS[3], kernel="6.12.60-cloud-amd64", linux="6.12.60", release="old-1")
    matrix = pasted_matrix(failed, kernels)

    assert [(c.kernel, OPEN in c.module_types) for c in matrix.combinations if c.branch == "550"] == [
        ("6.12.60-cloud-amd64", False),
        (other, True),
    ]


def test_the_entry_of_one_architecture_never_excludes_another() -> None:
    custom = "6.12.25-gardener-custom"
    kernels = {f"{name}/{a}": kernel(custom, "6.12.25") for name in ("old-1", "new-2") for a in Architecture}
    failed = replace(COMBINATIONS[3], kernel=custom, linux="6.12.25", architecture=Architecture.ARM64)
    matrix = pasted_matrix(failed, kernels, ("architecture: [amd64]", "architecture: [amd64, arm64]"))

    assert {(str(c.architecture), OPEN in c.module_types) for c in matrix.combinations if c.branch == "550"} == {
        ("amd64", True),
        ("arm64", False),
    }
