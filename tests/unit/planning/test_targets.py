from dataclasses import replace

import pytest

from lifecycle.config.lock import Lock, LockedBase
from lifecycle.config.patches import Patch, PatchSeries
from lifecycle.config.schema import ModuleType
from lifecycle.config.security import Signer
from lifecycle.config.sources.packages import PackageList
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.targets import Kind, Target, Targets, hashes
from lifecycle.tools.reproducible import SOURCE_DATE_EPOCH
from tests.support.builders.projects import base, component, every_target, lock, locked_file, project


def digests(of: LockedProject) -> dict[tuple[Kind, str], str]:
    return {(target.kind, target.name): target.digest for target in every_target(of)}


def changed(now: LockedProject, of: LockedProject | None = None) -> set[Kind]:
    """Return the kinds of targets whose digests differ from those of the unchanged project."""
    before, after = digests(of or project()), digests(now)
    assert before.keys() == after.keys()
    return {kind for (kind, name), digest in after.items() if before[kind, name] != digest}


def test_the_same_project_gives_the_same_digests() -> None:
    assert digests(project()) == digests(project())


def test_every_target_has_a_digest_of_its_own() -> None:
    everything = every_target(project())

    assert len({target.digest for target in everything}) == len(everything) == 21


def test_two_kinds_with_the_same_inputs_are_two_targets() -> None:
    one, other = (Target(kind=kind, name="x", inputs={"a": "1"}) for kind in (Kind.MODULES, Kind.ARCHIVE))

    assert one.digest != other.digest


def test_a_name_is_no_input() -> None:
    one, other = (Target(kind=Kind.MODULES, name=name, inputs={"a": "1"}) for name in "xy")

    assert one.digest == other.digest


BUILT = {Kind.MODULES, Kind.ARCHIVE, Kind.IMAGE}


@pytest.mark.parametrize(
    ("recipe", "kinds"),
    [
        ("base", {Kind.BASE, *BUILT}),
        ("modules", BUILT),
        ("userspace", {Kind.USERSPACE, Kind.IMAGE}),
        ("archive", {Kind.ARCHIVE, Kind.IMAGE}),
        ("image", {Kind.IMAGE}),
    ],
)
def test_a_recipe_or_a_format_decides_its_kind_and_what_is_made_of_it(recipe: str, kinds: set[Kind]) -> None:
    now = project()

    assert changed(replace(now, recipes={**now.recipes, recipe: {"other": "2"}})) == kinds
    assert changed(replace(now, formats={**now.formats, recipe: 2})) == kinds


@pytest.mark.parametrize(
    ("edit", "kinds"),
    [
        (("version: 1.2.3", "version: 1.2.4"), set()),
        (("name: team/nvidia-installer", "name: crew/nvidia-installer"), {Kind.IMAGE}),
        (("channel: previous", "channel: canary"), set()),
        (("localhost:5000", "registry.example"), set()),
        (("there are no open modules of it", "the reason in other words"), set()),
    ],
)
def test_the_image_has_the_components_name_as_input_but_not_its_version(
    edit: tuple[str, str], kinds: set[Kind]
) -> None:
    assert changed(project(component=component(edit))) == kinds


def test_what_is_left_out_of_the_runtime_changes_runtime_and_images() -> None:
    packages = PackageList(include=("bash",), leave_out=("dpkg", "perl-base"))
    before, after = digests(project()), digests(project(runtime_packages=packages))

    assert {name for (kind, name) in after if kind is Kind.BASE and before[kind, name] != after[kind, name]} == {
        "RUNTIME"
    }
    assert changed(project(runtime_packages=packages)) == {Kind.BASE, Kind.IMAGE}


def test_a_locked_file_with_other_content_changes_its_targets() -> None:
    locked = lock()
    other = locked_file("libcuda1", "535.309.01").model_copy(update={"sha256": "0" * 64})
    driver = locked.drivers["535/amd64"].model_copy(update={"userspace": [other]})

    assert changed(project(lock=lock(drivers={**locked.drivers, "535/amd64": driver}))) == {Kind.USERSPACE, Kind.IMAGE}


def test_a_patch_is_an_input_of_the_modules_it_applies_to_only() -> None:
    series = PatchSeries(patches=[Patch(file="a.patch", module_type=ModuleType.OPEN, reason="it does not compile")])
    before = project(series=series, patch_digests={"a.patch": "1", "series.yaml": "1", "b.patch": "1"})
    after = replace(before, patch_digests={"a.patch": "2", "series.yaml": "2", "b.patch": "2"})
    old, new = digests(before), digests(after)

    assert {name for (kind, name) in new if kind is Kind.MODULES and old[kind, name] != new[kind, name]} == {
        "6.1.0-56-cloud-amd64/550.163.01/open",
        "6.12.117-amd64/550.163.01/open",
    }


def test_a_base_is_known_by_its_packages_or_by_the_digest_it_is_pulled_by() -> None:
    locked = lock()
    pulled = LockedBase(declaration="d", digest="sha256:abc")
    now = project(
        lock=Lock(
            kernels=locked.kernels, drivers=locked.drivers, bases={"RUNTIME": base("RUNTIME"), "BUILDER_OLD_1": pulled}
        )
    )

    assert Targets(now).base("BUILDER_OLD_1").inputs == {"image": "sha256:abc"}
    assert Targets(now).base("RUNTIME").inputs == {
        "packages": hashes([locked_file("gcc-for-RUNTIME")]),
        "left out": ["dpkg"],
        "format": 1,
        "recipe": {"scripts/base/bootstrap": "1"},
        "epoch": SOURCE_DATE_EPOCH,
    }


def test_modules_do_not_know_the_release_of_the_os() -> None:
    now = project()
    combination = now.matrix.combinations[1]
    target = Targets(now).modules(combination, ModuleType.OPEN)

    assert target == Target(
        kind=Kind.MODULES,
        name="6.1.0-56-cloud-amd64/550.163.01/open",
        module_type=ModuleType.OPEN,
        inputs={
            "kernel": hashes([locked_file("linux-headers-6.1.0-56-cloud-amd64", "6.1.192")]),
            "sources": hashes([locked_file("nvidia-open-dkms", "550.163.01")]),
            "patches": {},
            "builder": Targets(now).builder(combination).digest,
            "format": 1,
            "recipe": {"scripts/builder/compile.sh": "1"},
            "module type": "open",
            "epoch": SOURCE_DATE_EPOCH,
        },
    )


def test_the_files_of_a_target_are_known_by_name_version_and_sha256() -> None:
    file = locked_file("libcuda1", "535")

    assert hashes([file]) == {"libcuda1=535": file.sha256}


def signed_by(signer: Signer) -> LockedProject:
    now = project()
    return replace(now, signer=signer, recipes={**now.recipes, "signed": {"scripts/signer/sign-modules": "1"}})


SIGNER = Signer(certificate="a certificate", fingerprint="abc", hash="sha256")


def test_signed_modules_are_made_of_the_compiled_ones() -> None:
    now = signed_by(SIGNER)
    combination = now.matrix.combinations[1]
    compiled = Targets(project()).modules(combination, ModuleType.OPEN)

    assert Targets(now).compiled(combination, ModuleType.OPEN) == compiled
    assert Targets(now).modules(combination, ModuleType.OPEN) == Target(
        kind=Kind.SIGNED,
        name=compiled.name,
        module_type=ModuleType.OPEN,
        inputs={
            "modules": compiled.digest,
            "certificate": "abc",
            "hash": "sha256",
            "format": 1,
            "recipe": {"scripts/signer/sign-modules": "1"},
        },
    )


def test_without_a_signer_the_modules_that_ship_are_the_compiled_ones() -> None:
    now = project()
    combination = now.matrix.combinations[1]

    assert Targets(now).modules(combination, ModuleType.OPEN) == Targets(now).compiled(combination, ModuleType.OPEN)


@pytest.mark.parametrize("other", [{"fingerprint": "def"}, {"hash": "sha512"}])
def test_another_certificate_or_hash_signs_anew_and_compiles_nothing(other: dict[str, str]) -> None:
    assert changed(signed_by(replace(SIGNER, **other)), signed_by(SIGNER)) == {Kind.SIGNED, Kind.ARCHIVE, Kind.IMAGE}


PROPRIETARY = ModuleType.PROPRIETARY


def test_a_target_is_computed_once() -> None:
    now = project()
    targets, combination = Targets(now), now.matrix.combinations[0]

    assert targets.builder(combination) is targets.builder(combination)
    assert targets.userspace(combination) is targets.userspace(combination)
    assert targets.archive(combination, PROPRIETARY) is targets.archive(combination, PROPRIETARY)
    assert targets.compiled(combination, PROPRIETARY) is targets.modules(combination, PROPRIETARY)
    assert targets.image(combination) is targets.image(combination)


@pytest.mark.parametrize(("suffix", "unpacked_by"), [(".run", None), ("-archive.tar.xz", {"archive.run": "2"})])
def test_the_unpacking_of_an_archive_is_an_input_of_its_modules_only(suffix: str, unpacked_by: object) -> None:
    now, combination = project(), project().matrix.combinations[0]
    file = locked_file("nvidia_driver", combination.driver)
    file = file.model_copy(update={"origin": f"https://nvidia.example/a{suffix}"})
    driver = now.lock.driver_for(combination)
    modules = {module_type: [file] for module_type in driver.modules}
    key = f"{combination.declared_driver}/{combination.architecture}"
    drivers = {**now.lock.drivers, key: driver.model_copy(update={"modules": modules})}
    recipes = {**now.recipes, "redistributable": {"archive.run": "2"}}
    changed_project = replace(now, lock=now.lock.model_copy(update={"drivers": drivers}), recipes=recipes)
    inputs = Targets(changed_project).compiled(combination, combination.module_types[0]).inputs

    assert inputs.get("unpacked by") == unpacked_by
    assert "unpacked by" not in Targets(project()).compiled(combination, combination.module_types[0]).inputs
