"""scripts/builder/conftest-cc, with a compiler that counts how often it is asked."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

SCRIPT = ROOT / "scripts/builder/conftest-cc"
# Takes what mentions `known`; writes down that it was called.
COMPILER = """#!/bin/sh
echo "$*" >>"$CALLS"
for last; do :; done
if [ "$last" = - ]; then code=$(cat); else code=$(cat "$last"); fi
case $code in
    *known*) [ "$last" = - ] || : >"${last%.c}.o" ;;
    *killed*) echo "fatal error: Killed signal terminated program cc1" >&2; exit 1 ;;
    *bug*) echo "internal compiler error: in foo" >&2; exit 4 ;;
    *) echo "x.c:1:1: error: no" >&2; exit 1 ;;
esac
"""
OPTIONS = ["-std=gnu11", "-O2", "-DKBUILD_BASENAME=#conftest1", "-DNV_VERSION_STRING=1", "-I."]
PREAMBLE = '#include "conftest/headers.h"\n    #if defined(NV_LINUX_KCONFIG_H_PRESENT)\n    #include <linux/kconfig.h>\n#endif\n'
AUTOCONF = """\
#if defined(NV_GENERATED_AUTOCONF_H_PRESENT)
    #include <generated/autoconf.h>
    #else
    #include <linux/autoconf.h>
    #endif
"""


@dataclass
class Driver:
    """The folder of a driver's sources, and a kernel's answers."""

    folder: Path
    root: Path
    headers: str = "#define NV_LINUX_KCONFIG_H_PRESENT\n"
    options: list[str] = field(default_factory=lambda: list(OPTIONS))
    path: str = os.environ["PATH"]

    def run(self, *words: str, stdin: str = "") -> int:
        """Run conftest-cc with these arguments and return its exit code."""
        (self.folder / "conftest/headers.h").write_text(self.headers)
        environ = {"ANSWERS": "known", "NEW_ANSWERS": "learnt", "CALLS": "calls"}
        for name in environ.values():
            if not (self.root / name).is_symlink():
                (self.root / name).touch()
        return subprocess.run(
            [SCRIPT, self.root / "cc", *words],
            cwd=self.folder,
            env={**os.environ, "PATH": self.path, **{key: str(self.root / name) for key, name in environ.items()}},
            input=stdin,
            text=True,
            check=False,
            capture_output=True,
        ).returncode

    def compiles(self, code: str, *, process: int = 7) -> bool:
        """Return the result of conftest.sh's compile_check_conftest for this code, with this process id."""
        (self.folder / f"conftest{process}.c").write_text(code)
        code_ = self.run(*self.options, "-c", f"conftest{process}.c")
        made = self.folder / f"conftest{process}.o"
        assert made.exists() == (code_ == 0)
        made.unlink(missing_ok=True)
        return code_ == 0

    @property
    def asked(self) -> int:
        """Return the number of times that the compiler was called."""
        return len((self.root / "calls").read_text().splitlines())


@pytest.fixture
def one(tmp_path: Path) -> Driver:
    """Return a driver, with a compiler."""
    (tmp_path / "cc").write_text(COMPILER)
    (tmp_path / "cc").chmod(0o755)
    for name in ("one", "other"):
        (tmp_path / name / "conftest").mkdir(parents=True)
    return Driver(folder=tmp_path / "one", root=tmp_path)


@pytest.fixture
def other(one: Driver) -> Driver:
    """Return another driver for the same kernel."""
    return Driver(folder=one.root / "other", root=one.root)


@pytest.mark.parametrize(("code", "answer"), [("known();\n", True), ("new();\n", False)])
def test_a_question_is_asked_once(one: Driver, code: str, *, answer: bool) -> None:
    assert [one.compiles(PREAMBLE + code), one.compiles(PREAMBLE + code, process=8)] == [answer, answer]
    assert one.asked == 1


def test_what_an_earlier_run_has_learnt_is_known(one: Driver) -> None:
    one.compiles("known();\n")
    (one.root / "learnt").rename(one.root / "known")

    assert one.compiles("known();\n")
    assert (one.asked, (one.root / "learnt").read_text()) == (1, "")


def test_another_driver_takes_over_the_answers(one: Driver, other: Driver) -> None:
    one.compiles(PREAMBLE + AUTOCONF + "int x;\nknown();\n")
    other.options = [*OPTIONS, "-DNV_ANOTHER=1", "-std=gnu11", "-fms-extensions", "-Wno-error"]
    other.headers += "#define NV_LINUX_OTHER_H_PRESENT\n"

    assert other.compiles(AUTOCONF + PREAMBLE + "    int x;\n  known();\n")
    assert one.asked == 1


@pytest.mark.parametrize("option", ["-O0", "-std=gnu99", "-DMODULE", "-DNV_ASKED=2"])
def test_another_option_that_may_matter_is_another_question(one: Driver, other: Driver, option: str) -> None:
    code = "#if NV_ASKED\nknown();\n"
    one.compiles(code)
    other.options = [*OPTIONS, option]
    other.compiles(code)

    assert one.asked == 2


def test_no_error_of_warnings_matters_where_warnings_are_errors(one: Driver, other: Driver) -> None:
    one.options = [*OPTIONS, "-Werror"]
    other.options = [*OPTIONS, "-Werror", "-Wno-error"]
    one.compiles("known();\n")
    other.compiles("known();\n")

    assert one.asked == 2


def test_a_header_found_by_one_driver_alone_makes_another_question(one: Driver, other: Driver) -> None:
    code = "#if defined(NV_LINUX_OTHER_H_PRESENT)\nknown();\n"
    one.compiles(code)
    other.headers += "#define NV_LINUX_OTHER_H_PRESENT\n"
    other.compiles(code)

    assert one.asked == 2


def test_code_that_includes_a_drivers_own_file_is_asked_each_time(one: Driver) -> None:
    (one.folder / "common/inc").mkdir(parents=True)
    (one.folder / "common/inc/nv.h").touch()
    for _ in range(2):
        assert one.compiles('#include "nv.h"\nknown();\n')

    assert (one.asked, (one.root / "learnt").read_text()) == (2, "")


@pytest.mark.parametrize(("code", "answer"), [("known();\n", True), ("new();\n", False)])
def test_the_compiler_answers_where_what_is_known_cannot_be_read(one: Driver, code: str, *, answer: bool) -> None:
    (one.root / "known").symlink_to("known")

    assert [one.compiles(code), one.compiles(code)] == [answer, answer]
    assert one.asked == 2


def test_the_compiler_answers_where_no_question_can_be_named(one: Driver) -> None:
    (one.root / "sha256sum").write_text("#!/bin/sh\nexit 1\n")
    (one.root / "sha256sum").chmod(0o755)
    one.path = f"{one.root}:{os.environ['PATH']}"

    assert one.compiles("known();\n")
    assert (one.asked, (one.root / "learnt").read_text()) == (1, "")


def test_an_answer_that_cannot_be_written_down_counts_all_the_same(one: Driver) -> None:
    # One line of text, to which nobody can write, not even root.
    (one.root / "learnt").symlink_to("/proc/version")

    assert one.compiles("known();\n")
    assert not one.compiles("new();\n")


@pytest.mark.parametrize("code", ["killed", "bug"])
def test_a_compiler_that_breaks_down_has_answered_nothing(one: Driver, code: str) -> None:
    assert not one.compiles(code)
    assert (one.root / "learnt").read_text() == ""


def test_whether_a_header_is_there_is_a_question_too(one: Driver) -> None:
    found = [one.run("-E", "-M", *OPTIONS, "-", stdin=f"#include <linux/{name}.h>\n") for name in ["known", "new"] * 2]

    assert (found, one.asked) == ([0, 1, 0, 1], 2)


def test_any_other_call_is_the_compilers(one: Driver) -> None:
    (one.folder / "conftest7.c").write_text("known\n")
    for _ in range(2):
        assert one.run("-mfentry", "-c", "-x", "c", "conftest7.c") == 0
    assert one.asked == 2
