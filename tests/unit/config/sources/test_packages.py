from pathlib import Path

import pytest

from lifecycle.config.sources.packages import PackageList, for_architecture, load_package_list
from lifecycle.errors import ConfigurationError
from tests.support.builders.projects import component
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
    assert caught.value.problems == tuple(
        f"builder/packages:{number}: '{text}' is not a package name: write a name in small letters such as libcuda1, "
        "or libcuda1 [amd64]"
        for number, text in [(1, "gcc make"), (3, "GCC"), (4, "-dpkg"), (5, "x")]
    )


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("libcuda1 [amd46]", "names the unknown architecture 'amd46': write Debian's names, such as amd64 or arm64"),
        ("libcuda1 [!arm64]", "names the unknown architecture '!arm64'"),
        ("libcuda1 []", "names no architecture: remove the brackets"),
        ("libcuda1 [amd64", "is not a package name"),
        ("libcuda1; id", "is not a package name"),
        ("libcuda1:amd64", "is not a package name"),
        ("libcuda1 | libcuda2", "names alternatives or several packages: write one package in each entry"),
        ("libcuda1, libcuda2", "names alternatives or several packages"),
        ("libcuda1 (>= 535)", "restricts versions or profiles: write the name alone, versions.lock has the version"),
        ("libcuda1 <!nocheck>", "restricts versions or profiles"),
        ("libcuda{kernl}", "is not a package name"),
        ("", "is not a package name"),
    ],
)
def test_an_entry_that_is_more_than_a_package_says_what_to_write(entry: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        component(("userspace: [libcuda1]", f"userspace: [libcuda1, '{entry}']"))

    (problem,) = caught.value.problems
    assert problem.startswith(f"component.yaml:31:27: sources.packages.userspace[1]: {entry!r} {said}")


@pytest.mark.parametrize("entry", ["libx [amd64]", "libx[amd64 arm64]", "libx  [ i386 amd64 ]", "libx"])
def test_an_entry_may_name_debians_architectures(entry: str) -> None:
    assert for_architecture([entry, "liby [s390x]"], "amd64") == ["libx"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "headers-{kernel}",
            "headers-{kernl}",
            "packages.headers: unknown placeholder {kernl}: did you mean {kernel}?",
        ),
        ("headers-{kernel}", "headers", "packages.headers: 'linux-headers' needs the placeholder {kernel} once"),
        (
            "headers-{kernel}",
            "headers-{kernel",
            "packages.headers: 'linux-headers-{kernel' has a brace too many or too",
        ),
        ("headers-{kernel}", "{flavour}-{kernel}", "packages.headers: unknown placeholder {flavour}: "),
        ("image-{kernel}", "image {kernel}", "packages.kernelImage: 'linux-image {kernel}' is not a package name"),
        ("nvidia-kernel-dkms", "'nvidia-{kernel}'", "packages.modules.proprietary: 'nvidia-{kernel}' is not a package"),
    ],
)
def test_a_package_template_has_its_own_placeholders(old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        component((old, new if new.startswith("'") else f"{new}"))

    assert said in str(caught.value)


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
