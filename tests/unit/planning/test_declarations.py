from collections.abc import Mapping
from dataclasses import replace

import pytest

from lifecycle.config.component import Component
from lifecycle.config.image_versions import Base, ImageVersions
from lifecycle.config.lock import Lock
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.packages import PackageList
from lifecycle.errors import UsageError
from lifecycle.planning.declarations import (
    AnySource,
    Declaration,
    base_declarations,
    base_packages,
    driver_declarations,
    kernel_declarations,
    unresolved,
)
from lifecycle.planning.locked_project import LockedProject, NotLockedError, load_locked_project, require_locked
from tests.support.builders.projects import component, images, project
from tests.support.checkout import ROOT

OLD, NEW = "old-1/amd64", "new-2/amd64"
D535, D550 = "535/amd64", "550.163.01/amd64"


def answering(of: LockedProject) -> LockedProject:
    """Return the project with a lock whose entries match all of its declarations."""
    old = of.lock
    kernels, drivers, bases = kernel_declarations(of), driver_declarations(of), base_declarations(of)
    return replace(
        of,
        lock=Lock(
            kernels={k: v.model_copy(update={"declaration": kernels[k].digest}) for k, v in old.kernels.items()},
            drivers={k: v.model_copy(update={"declaration": drivers[k].digest}) for k, v in old.drivers.items()},
            bases={k: v.model_copy(update={"declaration": bases[k].digest}) for k, v in old.bases.items()},
        ),
    )


ANSWERED = answering(project())


def asked(now: LockedProject) -> list[str]:
    """Return the declarations that must be resolved again after a change."""
    known = ANSWERED.lock
    return [
        *unresolved(kernel_declarations(now), known.kernels),
        *unresolved(driver_declarations(now), known.drivers),
        *unresolved(base_declarations(now), known.bases),
    ]


def edited(*edits: tuple[str, str]) -> Component:
    return component(*edits)


def with_reference(name: str, reference: str) -> ImageVersions:
    return ImageVersions("image_versions", {**images().bases, name: Base(name=name, reference=reference)})


def test_there_is_one_declaration_for_each_thing_to_look_up() -> None:
    now = project()

    assert list(kernel_declarations(now)) == [OLD, NEW]
    assert list(driver_declarations(now)) == [D535, D550]
    assert list(base_declarations(now)) == ["BUILDER_OLD_1", "BUILDER_NEW_2", "RUNTIME"]


def test_a_declaration_says_where_to_look() -> None:
    now = project()
    old, new = (now.component.sources.releases[name] for name in ("old-1", "new-2"))

    def places(declared: Mapping[str, Declaration[AnySource | None]]) -> dict[str, object]:
        return {key: declaration.source for key, declaration in declared.items()}

    assert places(kernel_declarations(now)) == {OLD: old, NEW: new}
    assert places(driver_declarations(now)) == {D535: old, D550: new}
    assert places(base_declarations(now)) == {"BUILDER_OLD_1": old, "BUILDER_NEW_2": new, "RUNTIME": new}


def test_an_unchanged_project_asks_nothing() -> None:
    assert asked(project()) == []


@pytest.mark.parametrize(
    ("edits", "keys"),
    [
        ([("name: old-1, channel", "name: old-1, kernel: 6.1.0-56-cloud-amd64, channel")], [OLD]),
        ([("name: old-1, channel", "name: old-1, kernelFlavour: rt, channel")], [OLD]),
        ([("suite: old", "suite: older")], [OLD, D535, "BUILDER_OLD_1"]),
        (
            [("suite: new, components: [main]", "suite: new, components: [main, contrib]")],
            [NEW, D550, "BUILDER_NEW_2", "RUNTIME"],
        ),
        ([("    - 550.163.01", "    - 550")], ["550/amd64"]),
        ([("550: {kind: packages, release: new-2}", "550: {kind: packages, release: old-1}")], [D550]),
        ([("headers: linux-headers-{kernel}", "headers: linux-image-{kernel}")], [OLD, NEW]),
        ([("newestHeaders: linux-headers", "newestHeaders: linux-image")], [OLD, NEW]),
        ([("userspace: [libcuda1]", "userspace: [libcuda1, nvidia-smi]")], [D535, D550]),
        ([("companions: [nvidia-modprobe]", "companions: []")], [D535, D550]),
        ([("open: nvidia-open-kernel-dkms", "open: nvidia-open-dkms")], [D535, D550]),
        ([("moduleType: [proprietary, open]", "moduleType: [proprietary]")], [D535, D550]),
        ([("channel: previous", "channel: canary")], []),
        ([("moduleType: open, reason", 'moduleType: open, kernel: ">=6.1", reason')], []),
        ([("version: 1.2.3", "version: 1.2.4"), ("name: team/", "name: crew/")], []),
        ([("localhost:5000", "registry.example:5000")], []),
    ],
)
def test_a_change_asks_for_what_it_touches_and_leaves_the_rest(edits: list[tuple[str, str]], keys: list[str]) -> None:
    assert asked(project(component=edited(*edits))) == keys


def test_a_release_that_is_added_asks_for_its_kernel_and_base_only() -> None:
    now = project(
        component=edited(
            ("    - {name: new-2", "    - {name: next-3, channel: canary}\n    - {name: new-2"),
            (
                "  releases:\n    old-1:\n",
                "  releases:\n    next-3: {kind: apt, repositories: [{archive: D, suite: s, components: [main]}]}\n    old-1:\n",
            ),
        ),
        images=with_reference("BUILDER_NEXT_3", "bootstrap:next-3"),
    )

    assert asked(now) == ["next-3/amd64", "BUILDER_NEXT_3"]


def test_a_release_that_is_taken_out_asks_nothing() -> None:
    assert asked(project(component=edited(("    - {name: old-1, channel: previous}\n", "")))) == []


def test_another_package_of_the_builders_asks_for_the_builders() -> None:
    packages = PackageList(include=("gcc", "make"), leave_out=())

    assert asked(project(builder_packages=packages)) == ["BUILDER_OLD_1", "BUILDER_NEW_2"]


def test_another_package_of_the_runtime_asks_for_the_runtime() -> None:
    packages = PackageList(include=("bash", "kmod"), leave_out=("dpkg",))

    assert asked(project(runtime_packages=packages)) == ["RUNTIME"]


def test_what_is_left_out_of_a_base_needs_no_look_up() -> None:
    packages = PackageList(include=("bash",), leave_out=("dpkg", "perl-base"))

    assert asked(project(runtime_packages=packages)) == []


@pytest.mark.parametrize("reference", ["bootstrap:old-1", "ghcr.io/a/b:1"])
def test_another_reference_of_a_base_asks_for_it(reference: str) -> None:
    assert asked(project(images=with_reference("RUNTIME", reference))) == ["RUNTIME"]


def test_a_base_that_is_pulled_is_not_made_of_packages() -> None:
    pulled = answering(project(images=with_reference("RUNTIME", "ghcr.io/a/b:1")))
    packages = PackageList(include=("other",), leave_out=())
    now = replace(pulled, runtime_packages=packages)

    assert unresolved(base_declarations(now), pulled.lock.bases) == []
    assert base_declarations(now)["RUNTIME"].source is None


def test_a_base_of_a_release_that_is_not_declared_is_refused() -> None:
    with pytest.raises(
        UsageError,
        match=r"image_versions: RUNTIME=bootstrap:nope: component\.yaml has no release 'nope' under "
        r"sources\.releases: it has old-1, new-2",
    ):
        base_declarations(project(images=with_reference("RUNTIME", "bootstrap:nope")))


def test_the_packages_of_a_base_are_those_of_its_part() -> None:
    now = project()

    assert base_packages(now, now.images.runtime(), Architecture.AMD64) == ["bash"]
    assert base_packages(now, now.images.builder("old-1"), Architecture.AMD64) == ["gcc"]


def test_a_lock_that_answers_is_accepted() -> None:
    require_locked(ANSWERED)


def test_a_lock_that_answers_something_else_is_as_good_as_none() -> None:
    now = replace(ANSWERED, component=edited(("name: old-1, channel", "name: old-1, kernelFlavour: rt, channel")))
    with pytest.raises(NotLockedError) as caught:
        require_locked(now)
    assert str(caught.value) == (
        "versions.lock does not have a kernel of old-1/amd64: run `invoke fetch`, which resolves and locks them"
    )


def test_another_list_of_packages_is_not_answered_by_the_old_one() -> None:
    now = replace(ANSWERED, builder_packages=PackageList(include=("gcc", "make"), leave_out=()))
    with pytest.raises(NotLockedError) as caught:
        require_locked(now)
    assert str(caught.value) == (
        "versions.lock does not have base BUILDER_OLD_1, base BUILDER_NEW_2: "
        "run `invoke fetch`, which resolves and locks them"
    )


def test_a_lock_that_lost_its_bases_is_not_taken_for_an_answer() -> None:
    old = ANSWERED.lock
    with pytest.raises(NotLockedError, match="base RUNTIME: run `invoke fetch`"):
        require_locked(replace(ANSWERED, lock=Lock(kernels=old.kernels, drivers=old.drivers)))


def test_the_projects_own_lock_answers_all_that_is_declared() -> None:
    own = load_locked_project(ROOT)

    assert unresolved(kernel_declarations(own), own.lock.kernels) == []
    assert unresolved(driver_declarations(own), own.lock.drivers) == []
    assert unresolved(base_declarations(own), own.lock.bases) == []
