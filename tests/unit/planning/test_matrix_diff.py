from dataclasses import replace

from lifecycle.config.lock import Lock
from lifecycle.config.patches import Patch, PatchSeries
from lifecycle.config.security import Signer
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix_diff import MatrixDiff, compare
from tests.support.builders.projects import base, component, driver, kernel, lock, project

OLD = "old-1/6.1.0-56-cloud-amd64"
NEW = "new-2/6.12.117-amd64"
EVERY = [f"{OLD}/535.309.01", f"{OLD}/550.163.01", f"{NEW}/535.309.01", f"{NEW}/550.163.01"]


def recipe(kind: str, **files: str) -> LockedProject:
    now = project()
    return replace(now, recipes={**now.recipes, kind: files})


def rebuilt(now: LockedProject) -> dict[str, tuple[str, ...]]:
    found = compare(project(), now)
    assert (found.added, found.dropped) == ((), ())
    return dict(found.rebuilt)


def test_the_same_project_differs_in_nothing() -> None:
    assert compare(project(), project()) == MatrixDiff(added=(), dropped=(), rebuilt={})


def test_a_driver_that_is_added_adds_its_combinations_and_rebuilds_nothing() -> None:
    before = project(component=component(("    - 550.163.01\n", "")))

    assert compare(before, project()) == MatrixDiff(added=(EVERY[1], EVERY[3]), dropped=(), rebuilt={})
    assert compare(project(), before) == MatrixDiff(added=(), dropped=(EVERY[1], EVERY[3]), rebuilt={})


def test_a_newer_kernel_is_one_dropped_and_one_added() -> None:
    kernels = {**lock().kernels, "old-1/amd64": kernel("6.1.0-57-cloud-amd64", "6.1.193")}

    assert compare(project(), project(lock=lock(kernels=kernels))) == MatrixDiff(
        added=("old-1/6.1.0-57-cloud-amd64/535.309.01", "old-1/6.1.0-57-cloud-amd64/550.163.01"),
        dropped=(EVERY[0], EVERY[1]),
        rebuilt={},
    )


def test_a_combination_that_gets_excluded_is_dropped() -> None:
    rule = "\n    - {driverVersion: 550.*, reason: it does not compile}\nsources:"
    now = project(component=component(("\nsources:", rule)))

    assert compare(project(), now) == MatrixDiff(added=(), dropped=(EVERY[1], EVERY[3]), rebuilt={})


def test_another_compile_script_is_the_reason_for_all_images() -> None:
    assert rebuilt(recipe("modules", **{"scripts/builder/compile.sh": "2"})) == {
        EVERY[0]: ("proprietary modules: recipe: scripts/builder/compile.sh changed",),
        EVERY[1]: (
            "proprietary modules: recipe: scripts/builder/compile.sh changed",
            "open modules: recipe: scripts/builder/compile.sh changed",
        ),
        EVERY[2]: ("proprietary modules: recipe: scripts/builder/compile.sh changed",),
        EVERY[3]: (
            "proprietary modules: recipe: scripts/builder/compile.sh changed",
            "open modules: recipe: scripts/builder/compile.sh changed",
        ),
    }


def test_another_format_is_a_reason_with_both_numbers() -> None:
    now = project(formats={**project().formats, "archive": 2})

    assert rebuilt(now)[EVERY[3]] == (
        "proprietary archive: format: 1 -> 2",
        "open archive: format: 1 -> 2",
    )


def test_another_script_of_the_node_is_the_images_own_reason() -> None:
    now = recipe("image", **{"scripts/node/nvidia-installer": "2"})

    assert rebuilt(now) == dict.fromkeys(EVERY, ("image: recipe: scripts/node/nvidia-installer changed",))


def test_a_builder_of_other_packages_is_named_where_it_compiles() -> None:
    locked = lock()
    now = project(
        lock=Lock(
            kernels=locked.kernels, drivers=locked.drivers, bases={**locked.bases, "BUILDER_OLD_1": base("newer")}
        )
    )

    assert rebuilt(now) == dict.fromkeys(EVERY[:2], ("builder: packages: gcc-for-BUILDER_OLD_1=1 -> gcc-for-newer=1",))


def test_a_patch_that_comes_is_named_where_it_applies() -> None:
    series = PatchSeries(patches=[Patch(file="a.patch", kernel=">=6.12", reason="it does not compile")])
    now = project(series=series, patch_digests={"a.patch": "1"})

    assert rebuilt(now) == {
        EVERY[2]: ("proprietary modules: patches: nothing -> a.patch",),
        EVERY[3]: (
            "proprietary modules: patches: nothing -> a.patch",
            "open modules: patches: nothing -> a.patch",
        ),
    }


def test_a_module_type_that_comes_or_goes_is_said_so() -> None:
    rule = "{driverVersion: 535, moduleType: open, reason: there are no open modules of it}"
    no_open = component((rule, "{moduleType: open, reason: nobody wants them}"))
    before, after = project(component=no_open), project()

    assert compare(before, after).rebuilt == dict.fromkeys(
        (EVERY[1], EVERY[3]), ("open modules: added", "open archive: added")
    )
    assert compare(after, before).rebuilt == dict.fromkeys(
        (EVERY[1], EVERY[3]), ("open modules: dropped", "open archive: dropped")
    )


def test_user_space_that_changes_under_the_same_version_is_named() -> None:
    one = driver("535.309.01", [])
    other = one.model_copy(
        update={
            "modules": lock().drivers["535/amd64"].modules,
            "userspace": [*one.userspace, *driver("1", []).userspace],
        }
    )
    drivers = {**lock().drivers, "535/amd64": other}

    assert rebuilt(project(lock=lock(drivers=drivers))) == dict.fromkeys(
        (EVERY[0], EVERY[2]), ("user space: packages: nothing -> libcuda1=1",)
    )


def test_another_name_of_ours_is_said_once_an_image() -> None:
    now = project(component=component(("name: team/nvidia-installer", "name: crew/nvidia-installer")))

    assert rebuilt(now) == dict.fromkeys(EVERY, ("image: name changed",))


def test_a_new_version_of_ours_builds_nothing() -> None:
    assert rebuilt(project(component=component(("version: 1.2.3", "version: 1.2.4")))) == {}


def test_a_changed_signer_is_reported_and_compiles_no_module() -> None:
    signer = Signer(certificate="a certificate", fingerprint="abc", hash="sha256")
    before = replace(project(), recipes={**project().recipes, "signed": {"sign": "1"}})
    signed, renewed = replace(before, signer=signer), replace(before, signer=replace(signer, fingerprint="def"))

    assert compare(before, signed).rebuilt[EVERY[0]] == ("proprietary signatures: added",)
    assert compare(signed, before).rebuilt[EVERY[0]] == ("proprietary signatures: dropped",)
    assert compare(signed, renewed).rebuilt[EVERY[3]] == (
        "proprietary signatures: certificate changed",
        "open signatures: certificate changed",
    )


# ----- with git
