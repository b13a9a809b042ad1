from pathlib import Path

import pytest

from lifecycle.config.packages import PackageList, load_package_list
from lifecycle.errors import ConfigurationError
from tests.support.checkout import ROOT


def load(tmp_path: Path, text: str) -> PackageList:
    path = tmp_path / "builder" / "packages"
    path.parent.mkdir()
    path.write_text(text)
    return load_package_list(path)


def test_a_line_is_a_package_and_a_dash_leaves_one_out(tmp_path: Path) -> None:
    text = "# the toolchain\n\ngcc-12\n  libstdc++6 # for objtool\n-dpkg\nxz-utils\n-perl-base\n"

    assert load(tmp_path, text) == PackageList(
        include=("gcc-12", "libstdc++6", "xz-utils"), leave_out=("dpkg", "perl-base")
    )


def test_a_package_may_be_for_some_architectures_only(tmp_path: Path) -> None:
    found = load(tmp_path, "gcc\ngcc-aarch64-linux-gnu [arm64]\nlibx [amd64 i386]  # why\n")

    assert found.included(["amd64"]) == ["gcc", "libx"]
    assert found.included(["amd64", "arm64"]) == ["gcc", "gcc-aarch64-linux-gnu", "libx"]


def test_every_wrong_line_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, "gcc make\nbash\nGCC\n--dpkg\nx\n")
    assert caught.value.problems == (
        "builder/packages:1: 'gcc make' is not a package name: write one name per line",
        "builder/packages:3: 'GCC' is not a package name: write one name per line",
        "builder/packages:4: '--dpkg' is not a package name: write one name per line",
        "builder/packages:5: 'x' is not a package name: write one name per line",
    )


@pytest.mark.parametrize("text", ["", "# only a comment\n", "-dpkg\n"])
def test_a_list_that_installs_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    assert caught.value.problems == ("builder/packages: names no package: restore it from git",)


def test_a_missing_list_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="packages: no such file: run from a checkout, or restore it from git"):
        load_package_list(tmp_path / "packages")


@pytest.mark.parametrize("folder", ["builder", "installer"])
def test_the_projects_own_lists_are_well_formed(folder: str) -> None:
    own = load_package_list(ROOT / "dockerfiles" / folder / "packages")

    assert own.include
    assert len(set(own.include + own.leave_out)) == len(own.include + own.leave_out)
