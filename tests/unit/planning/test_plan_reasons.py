"""Plans of projects in which something changed: what is made anew, and the reasons."""

from lifecycle.config.lock import Lock
from lifecycle.planning.targets import Kind
from tests.support.builders.plans import NAMES, NEVER, OLD, SAME, changed_recipe, lines, plan, to_run
from tests.support.builders.projects import base, component, driver, every_target, lock, locked_file, project
from tests.support.fakes.build_state import FakeBuildState


def test_another_compile_script_makes_modules_archives_and_images_anew() -> None:
    file = "scripts/builder/compile.sh"
    made = plan(changed_recipe("modules", file), FakeBuildState(every_target(project())))

    assert to_run(made) == [
        (
            "RUN",
            kind,
            name,
            {
                Kind.MODULES: f"recipe: {file} changed",
                Kind.ARCHIVE: "modules changed",
                Kind.IMAGE: "modules: proprietary changed" if "/535." in name else "modules: open proprietary changed",
            }[kind],
        )
        for kind, name in NAMES
        if kind in (Kind.MODULES, Kind.ARCHIVE, Kind.IMAGE)
    ]


def test_another_script_of_the_node_makes_the_images_anew_and_nothing_else() -> None:
    file = "scripts/node/nvidia-installer"
    made = plan(changed_recipe("image", file), FakeBuildState(every_target(project())))

    assert lines(made) == [
        ("RUN", kind, name, f"recipe: {file} changed") if kind is Kind.IMAGE else ("SKIP", kind, name, SAME)
        for kind, name in NAMES
    ]


def test_a_changed_packaging_rebuilds_archives_and_images_only() -> None:
    formats = {**project().formats, Kind.USERSPACE: 2, Kind.ARCHIVE: 2}
    made = plan(project(formats=formats), FakeBuildState(every_target(project())))

    assert {(kind, reason) for _, kind, _, reason in to_run(made) if kind is not Kind.IMAGE} == {
        (Kind.USERSPACE, "format: 1 -> 2"),
        (Kind.ARCHIVE, "format: 1 -> 2"),
    }
    assert {kind for _, kind, _, _ in to_run(made)} == {Kind.USERSPACE, Kind.ARCHIVE, Kind.IMAGE}


def test_a_driver_that_is_added_costs_only_its_own_targets() -> None:
    before = project(component=component(("    - 550.163.01\n", "")))
    made = plan(project(), FakeBuildState(every_target(before)))

    assert lines(made) == [
        ("RUN", kind, name, NEVER) if "550.163.01" in name else ("SKIP", kind, name, SAME) for kind, name in NAMES
    ]


def test_a_newer_driver_names_the_packages_that_go_and_come() -> None:
    drivers = {**lock().drivers, "550.163.01/amd64": driver("550.163.02")}
    made = plan(project(lock=lock(drivers=drivers)), FakeBuildState(every_target(project())))

    assert {name for _, _, name, _ in to_run(made)} == {
        name.replace("550.163.01", "550.163.02") for _, name in NAMES if "550.163.01" in name
    }
    assert {reason for _, _, _, reason in to_run(made)} == {NEVER}


def test_the_reason_names_the_header_packages_that_changed() -> None:
    kernels = dict(lock().kernels)
    kernels["old-1/amd64"] = kernels["old-1/amd64"].model_copy(
        update={"headers": [locked_file(f"linux-headers-{OLD}", "6.1.192-3")]}
    )
    made = plan(project(lock=lock(kernels=kernels)), FakeBuildState(every_target(project())), last=Kind.MODULES)

    assert to_run(made) == [
        ("RUN", kind, name, f"kernel: linux-headers-{OLD}=6.1.192 -> linux-headers-{OLD}=6.1.192-3")
        for kind, name in NAMES
        if kind is Kind.MODULES and name.startswith(OLD)
    ]


def test_a_changed_builder_rebuilds_its_own_modules_only() -> None:
    bases = {**lock().bases, "BUILDER_OLD_1": base("old, but newer")}
    now = Lock(kernels=lock().kernels, drivers=lock().drivers, bases=bases)
    made = plan(project(lock=now), FakeBuildState(every_target(project())), last=Kind.MODULES)

    assert to_run(made) == [
        (
            "RUN",
            Kind.BASE,
            "BUILDER_OLD_1",
            "packages: gcc-for-BUILDER_OLD_1=1 -> gcc-for-old, but newer=1",
        ),
        *(
            ("RUN", kind, name, "builder changed")
            for kind, name in NAMES
            if kind is Kind.MODULES and name.startswith(OLD)
        ),
    ]
