from dataclasses import replace

from lifecycle.config.lock import Lock, LockedBase
from lifecycle.planning.plan import make_plan
from lifecycle.planning.required_inputs import bases_of, boot_warnings, files_of, needed_by, needed_for
from lifecycle.planning.targets import Kind, Targets
from tests.support.builders.projects import component, every_target, kernel, lock, locked_file, project
from tests.support.fakes.build_state import FakeBuildState


def test_combinations_need_their_builders_and_the_runtime_each_once() -> None:
    now = project()
    combinations = now.matrix.combinations

    assert bases_of(now, combinations) == ["RUNTIME", "BUILDER_OLD_1", "BUILDER_NEW_2"]
    assert bases_of(now, combinations[:2]) == ["RUNTIME", "BUILDER_OLD_1"]


def test_the_files_of_a_combination_are_those_of_its_module_types() -> None:
    now = project()
    first, second = now.matrix.combinations[:2]
    bases = ["gcc-for-RUNTIME=1", "gcc-for-BUILDER_OLD_1=1"]
    headers = "linux-headers-6.1.0-56-cloud-amd64=6.1.192"

    def names(*chosen: int) -> list[str]:
        files = files_of(now, [(first, second)[index] for index in chosen])
        return [f"{file.name}={file.version}" for file in files]

    assert names(0) == [headers, "libcuda1=535.309.01", "nvidia-proprietary-dkms=535.309.01", *bases]
    assert names(0, 1) == [
        headers,
        "libcuda1=535.309.01",
        "nvidia-proprietary-dkms=535.309.01",
        "libcuda1=550.163.01",
        "nvidia-proprietary-dkms=550.163.01",
        "nvidia-open-dkms=550.163.01",
        *bases,
    ]


def test_sources_of_excluded_module_types_are_not_needed() -> None:
    rule = "\n    - {driverVersion: 550, moduleType: open, reason: nobody wants them}\nsources:"
    now = project(component=component(("\nsources:", rule)))

    assert "nvidia-open-dkms" not in [file.name for file in files_of(now, now.matrix.combinations)]


def test_a_file_that_several_need_is_listed_once() -> None:
    shared = LockedBase(declaration="d", packages=[locked_file("gcc-12")])
    locked = lock()
    now = project(lock=Lock(kernels=locked.kernels, drivers=locked.drivers, bases=dict.fromkeys(locked.bases, shared)))
    files = files_of(now, now.matrix.combinations)

    assert [file.name for file in files].count("gcc-12") == 1
    assert len({file.sha256 for file in files}) == len(files)


def test_the_kernels_themselves_are_needed_only_by_who_asks() -> None:
    now = project()
    more = [
        file.name
        for file in needed_by(now, now.matrix.combinations, kernel_images=True).files
        if file not in needed_by(now, now.matrix.combinations).files
    ]

    assert more == ["linux-image-6.1.0-56-cloud-amd64", "linux-image-6.12.117-amd64"]


def test_a_plan_that_makes_everything_needs_everything() -> None:
    now = project()
    combinations = now.matrix.combinations
    found = needed_for(now, make_plan(Targets(now), combinations, FakeBuildState()))
    everything = needed_by(now, combinations)

    assert {file.sha256 for file in found.files} == {file.sha256 for file in everything.files}
    assert sorted(found.bases) == sorted(everything.bases)


def test_a_plan_of_images_alone_needs_only_the_packages_of_their_base() -> None:
    now = project()
    targets, combinations = Targets(now), now.matrix.combinations
    there = [t for t in every_target(now) if t.kind in (Kind.MODULES, Kind.USERSPACE, Kind.ARCHIVE)]
    found = needed_for(now, make_plan(targets, combinations, FakeBuildState(there)))

    assert ([file.name for file in found.files], found.bases) == (["gcc-for-RUNTIME"], ["RUNTIME"])


def test_a_plan_of_one_module_type_needs_its_sources_and_the_headers() -> None:
    now = project()
    targets, combination = Targets(now), now.matrix.combinations[1]
    open_ = combination.module_types[1]
    missing = {targets.compiled(combination, open_).digest, targets.archive(combination, open_).digest}
    there = [t for t in every_target(now) if t.digest not in missing and t.kind is not Kind.IMAGE]
    found = needed_for(now, make_plan(targets, [combination], FakeBuildState(there)))

    assert [file.name for file in found.files] == ["linux-headers-6.1.0-56-cloud-amd64", "nvidia-open-dkms"]
    assert found.bases == []


def test_what_a_plan_needs_is_known_when_the_lock_has_moved() -> None:
    now = project()
    plan = make_plan(Targets(now), now.matrix.combinations[:1], FakeBuildState())
    newer = kernel("6.1.0-57-cloud-amd64", "6.1.195")
    moved = replace(now, lock=now.lock.model_copy(update={"kernels": {**now.lock.kernels, "old-1/amd64": newer}}))

    assert "linux-headers-6.1.0-57-cloud-amd64" in [file.name for file in needed_for(moved, plan).files]


def test_a_kernel_without_an_image_is_warned_of_and_not_fetched() -> None:
    given = lock()
    key, other = given.kernels
    kernels = {key: given.kernels[key].model_copy(update={"image": []}), other: given.kernels[other]}
    now = project(lock=given.model_copy(update={"kernels": kernels}))
    combinations = now.matrix.combinations

    (warning,) = boot_warnings(now, combinations)
    assert warning.startswith(
        f"{key.partition('/')[0]}: its source has the headers of {kernels[key].release}, but no kernel image"
    )
    first = [c for c in combinations if c.release == key.partition("/")[0]]
    assert needed_by(now, first, kernel_images=True) == needed_by(now, first)
