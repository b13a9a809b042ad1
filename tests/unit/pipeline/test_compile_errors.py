from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.config.component import Exclusion
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.compile_errors import CompileFailedError, error_lines
from tests.support.builders.projects import component, project

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
    assert exclusion.reason == f"does not compile: {message}"
    assert exclusion.matches(
        driver="550.163.01", module_type=OPEN, kernel="6.12.117", architecture=COMBINATIONS[3].architecture
    )
