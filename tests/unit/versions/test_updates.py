from datetime import date

from lifecycle.planning.locked_project import LockedProject
from lifecycle.versions.edits import ProjectFiles
from lifecycle.versions.updates import AvailableKernel, AvailableVersions, OutdatedItem, OutdatedKind, find_outdated
from lifecycle.yamledit.own_files import OwnFile
from tests.support.builders.projects import COMPONENT, component, driver, images, lock, project

TODAY = date(2026, 11, 24)
KERNELS = {
    "old-1": AvailableKernel("6.1.0-56-cloud-amd64", "6.1.192"),
    "new-2": AvailableKernel("6.12.117-amd64", "6.12.117"),
}
DRIVERS = {"535": ("535.309.01", "535.261.03"), "550": ("550.163.01",)}
IMAGES = "BUILDER_OLD_1=bootstrap:old-1\nBUILDER_NEW_2=bootstrap:new-2\nRUNTIME=bootstrap:new-2\n"


def project_with(*edits: tuple[str, str]) -> LockedProject:
    return project(component=component(*edits), images=images(), lock=lock())


def available(**changes: object) -> AvailableVersions:
    return AvailableVersions(**{"kernels": KERNELS, "drivers": DRIVERS, "releases": {}, **changes})  # type: ignore[arg-type]


def rows(items: list[OutdatedItem]) -> list[tuple[str, ...]]:
    return [(str(f.kind), f.subject, f.current, f.available) for f in items]


def updated(items: list[OutdatedItem], *edits: tuple[str, str], images: str = IMAGES) -> ProjectFiles:
    text = COMPONENT
    for old, new in edits:
        text = text.replace(old, new, 1)
    files = ProjectFiles(component=OwnFile(text, "component.yaml"), images=images)
    for item in items:
        files = item.edit(files) if item.edit else files
    return files


def test_an_up_to_date_project_has_no_outdated_items() -> None:
    assert find_outdated(project_with(), available(), TODAY) == []


def test_a_newer_kernel_needs_no_edit() -> None:
    newer = {**KERNELS, "old-1": AvailableKernel("6.1.0-57-cloud-amd64", "6.1.195-1")}
    (found,) = find_outdated(project_with(), available(kernels=newer), TODAY)

    assert rows([found]) == [("kernel", "old-1", "6.1.0-56-cloud-amd64 (6.1.192)", "6.1.0-57-cloud-amd64 (6.1.195-1)")]
    assert found.edit is None


def test_an_exact_kernel_is_edited() -> None:
    exact = ("old-1, channel", "old-1, kernel: 6.1.0-56-cloud-amd64, channel")
    newer = {**KERNELS, "old-1": AvailableKernel("6.1.0-57-cloud-amd64", "6.1.195-1")}
    done = updated(find_outdated(project_with(exact), available(kernels=newer), TODAY), exact)

    assert done.parsed.context.releases[0].kernel == "6.1.0-57-cloud-amd64"


def test_a_newer_version_of_an_exact_driver_replaces_it() -> None:
    found = find_outdated(project_with(), available(drivers={**DRIVERS, "550": ("550.170.01", "550.163.01")}), TODAY)

    assert rows(found) == [("driver", "550", "550.163.01", "550.170.01")]
    assert updated(found).parsed.context.driver_version == ["535", "550.170.01"]


def test_of_two_versions_of_a_branch_the_newer_one_is_replaced() -> None:
    both = ("    - 550.163.01\n", "    - 550.90.07\n    - 550.163.01\n")
    drivers = {**lock().drivers, "550.90.07/amd64": driver("550.90.07")}
    here = project(component=component(both), images=images(), lock=lock(drivers=drivers))
    found = find_outdated(here, available(drivers={**DRIVERS, "550": ("550.170.01",)}), TODAY)

    assert updated(found, both).parsed.context.driver_version == ["535", "550.90.07", "550.170.01"]


def test_a_newer_version_of_a_branch_needs_no_edit() -> None:
    (found,) = find_outdated(project_with(), available(drivers={**DRIVERS, "535": ("535.320.01",)}), TODAY)

    assert (found.available, found.edit) == ("535.320.01", None)


def test_an_older_version_is_not_listed() -> None:
    assert find_outdated(project_with(), available(drivers={**DRIVERS, "535": ("535.261.03",)}), TODAY) == []


def test_a_new_branch_is_added_and_the_oldest_is_retired() -> None:
    drivers = {**DRIVERS, "*": ("580.105.08", "580.95.05", "570.211.01", "470.256.02")}
    source = (
        "    550: {kind: packages, release: new-2}\n",
        "    550: {kind: packages, release: new-2}\n    '*': {kind: runfile, url: 'x-{version}.run'}\n",
    )
    found = find_outdated(project_with(source), available(drivers=drivers), TODAY)

    assert rows(found) == [("driver branch", "570", "", "570.211.01"), ("driver branch", "580", "", "580.105.08")]
    assert updated(found, source).parsed.context.driver_version == ["550.163.01", "570.211.01", "580.105.08"]


FAMILY = [
    ("name: new-2", "name: gl-1592.9"),
    ("    new-2:\n      kind: apt\n", "    new-2:\n      kind: directory\n      path: x\n    gl-*:\n      kind: apt\n"),
    ("    new-2:\n      kind: directory\n      path: x\n", "    new-2: {kind: directory, path: x}\n"),
]


def garden_linux(releases: tuple[str, ...]) -> tuple[list[OutdatedItem], ProjectFiles]:
    locked = lock()
    kernels = {"old-1/amd64": locked.kernels["old-1/amd64"], "gl-1592.9/amd64": locked.kernels["new-2/amd64"]}
    here = project(component=component(*FAMILY), lock=locked.model_copy(update={"kernels": kernels}), images=images())
    named = {"old-1": KERNELS["old-1"], "gl-1592.9": KERNELS["new-2"]}
    found = find_outdated(here, available(kernels=named, releases={"gl-*": releases}), TODAY)
    return found, updated(
        found, *FAMILY, images=IMAGES.replace("BUILDER_NEW_2=bootstrap:new-2", "BUILDER_GL_1592_9=k:1592.9")
    )


def test_a_newer_release_of_a_major_version_replaces_the_older() -> None:
    found, done = garden_linux(("gl-1592.8", "gl-1592.10", "gl-1592.9"))

    assert rows(found) == [("release", "gl-*", "gl-1592.9", "gl-1592.10")]
    assert [(r.name, str(r.channel)) for r in done.parsed.context.releases] == [
        ("old-1", "previous"),
        ("gl-1592.10", "current"),
    ]
    assert "BUILDER_GL_1592_10=k:1592.10\n" in done.images


def test_a_new_major_version_becomes_a_canary() -> None:
    found, done = garden_linux(("gl-1592.9", "gl-1800.0", "gl-1443.20"))

    assert rows(found) == [("release", "gl-*", "", "gl-1800.0")]
    assert {r.name: str(r.channel) for r in done.parsed.context.releases}["gl-1800.0"] == "canary"


def test_an_end_of_life_is_listed_90_days_before() -> None:
    def ends(day: str) -> list[tuple[str, ...]]:
        edit = ("535: {kind: packages, release: old-1}", f"535: {{kind: packages, release: old-1, endOfLife: {day}}}")
        return rows(find_outdated(project_with(edit), available(), TODAY))

    assert ends("2026-11-23") == [(OutdatedKind.END_OF_LIFE, "driver 535", "2026-11-23 (has ended)", "")]
    assert ends("2027-01-01") == [(OutdatedKind.END_OF_LIFE, "driver 535", "2027-01-01 (ends soon)", "")]
    assert ends("2028-01-01") == []
