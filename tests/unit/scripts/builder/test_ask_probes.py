"""scripts/builder/ask-probes, with the real compiler and a folder that stands for a kernel's headers."""

import subprocess
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

SCRIPT = ROOT / "scripts/builder/ask-probes"
# As Kbuild does for a module outside the kernel: objects are named relative to M, a shell calls the compiler, and implicit
# declarations are errors.
MAKEFILE = """\
%.o:
	set -e; $(CC) -Werror=implicit-function-declaration -I$(CURDIR) -c -o $(M)/$@ $(M)/$(@:.o=.c)
"""
PROBE = """\
#include <kernel.h>
int probe(void);
int probe(void)
{
#ifdef NEEDS_PATCH
    return now_has();
#else
    return once_had();
#endif
}
"""


def ask(folder: Path, kernel: str, compiler: str = "gcc", **probes: str) -> subprocess.CompletedProcess[str]:
    """Ask probes of a kernel whose only header is given."""
    for name in ("kernel", "patches"):
        (folder / name).mkdir()
    (folder / "kernel/Makefile").write_text(MAKEFILE)
    (folder / "kernel/kernel.h").write_text(kernel)
    for name, text in probes.items():
        (folder / f"patches/{name}.c").write_text(text)
        (folder / f"patches/{name}.patch").write_text("")
    folders = [str(folder / name) for name in ("patches", "work", "kernel")]
    command = [str(SCRIPT), *folders, "--jobs=2", f"CC={compiler}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("kernel", "answer"),
    [
        ("int once_had(void);", "not-needed"),
        ("int now_has(void);", "needed"),
        # A kernel with both still has what the driver uses.
        ("int once_had(void); int now_has(void);", "not-needed"),
    ],
)
def test_the_headers_of_a_kernel_tell_whether_a_patch_is_needed(tmp_path: Path, kernel: str, answer: str) -> None:
    done = ask(tmp_path, kernel, irq=PROBE)

    assert (done.returncode, done.stdout) == (0, f"irq {answer}\n")


def test_each_probe_has_its_own_answer(tmp_path: Path) -> None:
    other = PROBE.replace("once_had", "still_has")
    done = ask(tmp_path, "int now_has(void); int still_has(void);", irq=PROBE, vma=other)

    assert done.stdout.splitlines() == ["irq needed", "vma not-needed"]


def test_a_probe_that_compiles_in_neither_form_is_an_error(tmp_path: Path) -> None:
    done = ask(tmp_path, "int other(void);", irq=PROBE)

    assert (done.returncode, done.stdout) == (1, "")
    assert "ask-probes: error: probe irq.c compiles neither as it is nor with NEEDS_PATCH" in done.stderr
    assert "irq-before.c:8" in done.stderr
    assert "irq.c:6" in done.stderr
    assert "now_has" in done.stderr


def test_a_missing_header_is_no_answer(tmp_path: Path) -> None:
    done = ask(tmp_path, "int once_had(void);", irq=PROBE.replace("kernel.h", "kernle.h"))

    assert done.returncode == 1
    assert "kernle.h" in done.stderr


def test_a_compiler_that_is_missing_is_named(tmp_path: Path) -> None:
    done = ask(tmp_path, "int once_had(void);", compiler="gcc-0", irq=PROBE)

    assert done.returncode == 1
    assert "gcc-0: not found" in done.stderr


def test_a_kernel_that_builds_nothing_is_no_answer(tmp_path: Path) -> None:
    done = ask(tmp_path, "int once_had(void);", irq=PROBE)
    (tmp_path / "kernel/Makefile").unlink()
    again = [str(SCRIPT), str(tmp_path / "patches"), str(tmp_path / "again"), str(tmp_path / "kernel")]
    broken = subprocess.run(again, capture_output=True, text=True, check=False)

    assert (done.returncode, broken.returncode, broken.stdout) == (0, 1, "")


def test_patches_without_probes_need_no_compiler(tmp_path: Path) -> None:
    (tmp_path / "patches").mkdir()
    command = [str(SCRIPT), str(tmp_path / "patches"), str(tmp_path / "work"), str(tmp_path / "no kernel")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
