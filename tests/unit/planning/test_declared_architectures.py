"""Declarations for more than one architecture."""

from lifecycle.config.schema import Architecture
from lifecycle.config.sources.packages import PackageList
from lifecycle.planning.declarations import (
    base_declarations,
    base_packages,
    driver_declarations,
    kernel_declarations,
)
from tests.support.builders.projects import component, project

OLD, NEW = "old-1/amd64", "new-2/amd64"
D535, D550 = "535/amd64", "550.163.01/amd64"
BOTH = ("architecture: [amd64]", "architecture: [amd64, arm64]")


def test_each_architecture_has_its_own_declarations_and_runtime() -> None:
    now = project(component=component(BOTH))

    assert list(kernel_declarations(now)) == [OLD, "old-1/arm64", NEW, "new-2/arm64"]
    assert list(driver_declarations(now)) == [D535, "535/arm64", D550, "550.163.01/arm64"]
    bases = base_declarations(now)
    assert {name: str(declaration.architecture) for name, declaration in bases.items()} == {
        "BUILDER_OLD_1": "amd64",
        "BUILDER_NEW_2": "amd64",
        "RUNTIME": "amd64",
        "RUNTIME/arm64": "arm64",
    }


def test_a_builder_has_the_cross_compiler_only_where_it_compiles_for_another() -> None:
    packages = PackageList(include=("gcc", "gcc-arm"), leave_out=(), only={"gcc-arm": frozenset({"arm64"})})
    alone = project(builder_packages=packages)
    both = project(builder_packages=packages, component=component(BOTH))

    assert base_packages(alone, alone.images.builder("old-1"), Architecture.AMD64) == ["gcc"]
    assert base_packages(both, both.images.builder("old-1"), Architecture.AMD64) == ["gcc", "gcc-arm"]


def test_a_package_that_is_for_another_architecture_is_not_asked_for() -> None:
    restricted = ("userspace: [libcuda1]", "userspace: [libcuda1, 'libx [amd64]', 'liby [arm64 armhf]']")
    packages = component(restricted).sources.packages

    assert packages.for_architecture(Architecture.AMD64).userspace == ["libcuda1", "libx"]
    assert packages.for_architecture(Architecture.ARM64).userspace == ["libcuda1", "liby"]
    # What is for another architecture decides nothing here.
    plain = component(("userspace: [libcuda1]", "userspace: [libcuda1, libx]"))
    assert (
        driver_declarations(project(component=component(restricted)))[D535].digest
        == driver_declarations(project(component=plain))[D535].digest
    )
