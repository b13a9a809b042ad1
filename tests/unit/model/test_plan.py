from dataclasses import replace

import pytest

from lifecycle.model.lock import Lock
from lifecycle.model.plan import Plan, make_plan, reason_to_make
from lifecycle.model.project import Project
from lifecycle.model.signing import Signer
from lifecycle.model.targets import Kind, Target, Targets
from tests.unit.builders import (
    Memory,
    base,
    component,
    driver,
    every_target,
    images,
    kernel,
    lock,
    locked_file,
    project,
)

NEVER = "never made before"
SAME = "same inputs"
NOT_NEEDED = "not needed: what it is for is there"
Lines = list[tuple[str, Kind, str, str]]

OLD, NEW = "6.1.0-56-cloud-amd64", "6.12.117-amd64"
NAMES = [
    (Kind.BASE, "BUILDER_OLD_1"),
    (Kind.BASE, "RUNTIME"),
    (Kind.BASE, "BUILDER_NEW_2"),
    (Kind.MODULES, f"{OLD}/535.309.01/proprietary"),
    (Kind.MODULES, f"{OLD}/550.163.01/proprietary"),
    (Kind.MODULES, f"{OLD}/550.163.01/open"),
    (Kind.MODULES, f"{NEW}/535.309.01/proprietary"),
    (Kind.MODULES, f"{NEW}/550.163.01/proprietary"),
    (Kind.MODULES, f"{NEW}/550.163.01/open"),
    (Kind.USERSPACE, "535.309.01/amd64"),
    (Kind.USERSPACE, "550.163.01/amd64"),
    (Kind.ARCHIVE, f"{OLD}/535.309.01/proprietary"),
    (Kind.ARCHIVE, f"{OLD}/550.163.01/proprietary"),
    (Kind.ARCHIVE, f"{OLD}/550.163.01/open"),
    (Kind.ARCHIVE, f"{NEW}/535.309.01/proprietary"),
    (Kind.ARCHIVE, f"{NEW}/550.163.01/proprietary"),
    (Kind.ARCHIVE, f"{NEW}/550.163.01/open"),
    (Kind.IMAGE, f"old-1/{OLD}/535.309.01"),
    (Kind.IMAGE, f"old-1/{OLD}/550.163.01"),
    (Kind.IMAGE, f"new-2/{NEW}/535.309.01"),
    (Kind.IMAGE, f"new-2/{NEW}/550.163.01"),
]


def plan(of: Project, state: Memory, *, only: slice = slice(None), last: Kind = Kind.IMAGE) -> Plan:
    return make_plan(Targets(of), of.matrix().combinations[only], state, last=last)


def lines(made: Plan) -> Lines:
    return [
        ("RUN" if a.run else "TAKE" if a.take else "SKIP", a.target.kind, a.target.name, a.reason) for a in made.actions
    ]


def to_run(made: Plan) -> Lines:
    return [line for line in lines(made) if line[0] == "RUN"]


def changed_recipe(kind: str, file: str) -> Project:
    now = project()
    return replace(now, recipes={**now.recipes, kind: {**now.recipes[kind], file: "2"}})


def test_with_nothing_made_everything_is_made_for_the_first_time() -> None:
    made = plan(project(), Memory())

    assert lines(made) == [("RUN", kind, name, NEVER) for kind, name in NAMES]
    assert not made.idle


def test_with_everything_made_nothing_is_made() -> None:
    made = plan(project(), Memory(every_target(project())))

    assert lines(made) == [("SKIP", kind, name, SAME) for kind, name in NAMES]
    assert made.idle


def test_each_action_comes_after_what_it_needs() -> None:
    seen: set[str] = set()
    for action in plan(project(), Memory()).actions:
        assert set(action.needs) <= seen, action.target.name
        seen.add(action.target.digest)


def test_what_an_action_needs_is_what_its_target_is_made_of() -> None:
    now = project()
    targets, combination = Targets(now), now.matrix().combinations[3]
    actions = {a.target.digest: a for a in plan(now, Memory()).actions}
    types = combination.module_types

    assert actions[targets.image(combination).digest].needs == (
        targets.base("RUNTIME").digest,
        targets.userspace(combination).digest,
        *(targets.archive(combination, t).digest for t in types),
    )
    assert actions[targets.archive(combination, types[0]).digest].needs == (
        targets.modules(combination, types[0]).digest,
    )
    assert actions[targets.modules(combination, types[0]).digest].needs == (targets.builder(combination).digest,)
    assert actions[targets.userspace(combination).digest].needs == ()


def test_an_action_names_every_combination_that_it_is_for() -> None:
    now = project()
    combinations = now.matrix().combinations
    users = {(a.target.kind, a.target.name): a.combinations for a in plan(now, Memory()).actions}

    assert users[Kind.BASE, "RUNTIME"] == combinations
    assert users[Kind.BASE, "BUILDER_OLD_1"] == combinations[:2]
    assert users[Kind.USERSPACE, "550.163.01/amd64"] == (combinations[1], combinations[3])
    assert users[Kind.MODULES, f"{OLD}/550.163.01/open"] == (combinations[1],)


def test_another_compile_script_makes_modules_archives_and_images_anew() -> None:
    file = "scripts/builder/compile.sh"
    made = plan(changed_recipe("modules", file), Memory(every_target(project())))

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
    made = plan(changed_recipe("image", file), Memory(every_target(project())))

    assert lines(made) == [
        ("RUN", kind, name, f"recipe: {file} changed") if kind is Kind.IMAGE else ("SKIP", kind, name, SAME)
        for kind, name in NAMES
    ]


def test_another_packaging_makes_archives_and_images_anew_but_compiles_nothing() -> None:
    made = plan(changed_recipe("archive", "lifecycle/steps/package.py"), Memory(every_target(project())))

    assert {kind for _, kind, _, _ in to_run(made)} == {Kind.USERSPACE, Kind.ARCHIVE, Kind.IMAGE}


def test_a_driver_that_is_added_costs_only_its_own_targets() -> None:
    before = project(component=component(("    - 550.163.01\n", "")))
    made = plan(project(), Memory(every_target(before)))

    assert lines(made) == [
        ("RUN", kind, name, NEVER) if "550.163.01" in name else ("SKIP", kind, name, SAME) for kind, name in NAMES
    ]


def test_a_newer_driver_names_the_packages_that_go_and_come() -> None:
    drivers = {**lock().drivers, "550.163.01/amd64": driver("550.163.02")}
    made = plan(project(lock=lock(drivers=drivers)), Memory(every_target(project())))

    assert {name for _, _, name, _ in to_run(made)} == {
        name.replace("550.163.01", "550.163.02") for _, name in NAMES if "550.163.01" in name
    }
    assert {reason for _, _, _, reason in to_run(made)} == {NEVER}


def test_newer_headers_of_the_same_kernel_release_name_the_packages_that_go_and_come() -> None:
    kernels = dict(lock().kernels)
    kernels["old-1/amd64"] = kernels["old-1/amd64"].model_copy(
        update={"headers": [locked_file(f"linux-headers-{OLD}", "6.1.192-3")]}
    )
    made = plan(project(lock=lock(kernels=kernels)), Memory(every_target(project())), last=Kind.MODULES)

    assert to_run(made) == [
        ("RUN", kind, name, f"kernel: linux-headers-{OLD}=6.1.192 -> linux-headers-{OLD}=6.1.192-3")
        for kind, name in NAMES
        if kind is Kind.MODULES and name.startswith(OLD)
    ]


def test_a_builder_of_other_packages_makes_its_own_modules_anew_and_no_others() -> None:
    bases = {**lock().bases, "BUILDER_OLD_1": base("old, but newer")}
    now = Lock(kernels=lock().kernels, drivers=lock().drivers, bases=bases)
    made = plan(project(lock=now), Memory(every_target(project())), last=Kind.MODULES)

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


def test_what_only_leads_to_images_that_are_there_is_not_made() -> None:
    everything = every_target(project())
    made = plan(project(), Memory(t for t in everything if t.kind is Kind.IMAGE))

    assert lines(made) == [("SKIP", kind, name, SAME if kind is Kind.IMAGE else NOT_NEEDED) for kind, name in NAMES]


def test_a_builder_is_not_made_for_modules_that_are_there() -> None:
    everything = every_target(project())
    made = plan(project(), Memory(t for t in everything if t.kind not in (Kind.BASE, Kind.IMAGE)))

    assert [(run, kind, name) for run, kind, name, _ in lines(made) if kind in (Kind.BASE, Kind.IMAGE)] == [
        ("SKIP", Kind.BASE, "BUILDER_OLD_1"),
        ("RUN", Kind.BASE, "RUNTIME"),
        ("SKIP", Kind.BASE, "BUILDER_NEW_2"),
        *(("RUN", kind, name) for kind, name in NAMES if kind is Kind.IMAGE),
    ]


def test_a_result_that_is_gone_is_made_again_with_all_that_it_needs() -> None:
    everything = every_target(project())
    state = Memory(everything)
    state.there -= {t.digest for t in everything if "535.309.01" in t.name and (OLD in t.name)}
    made = plan(project(), state)

    assert to_run(made) == [
        ("RUN", kind, name, "its result is gone") for kind, name in NAMES if "535.309.01" in name and OLD in name
    ]


@pytest.mark.parametrize(
    ("last", "kinds"),
    [
        (Kind.BASE, {Kind.BASE}),
        (Kind.MODULES, {Kind.BASE, Kind.MODULES}),
        (Kind.ARCHIVE, {Kind.BASE, Kind.MODULES, Kind.USERSPACE, Kind.ARCHIVE}),
        (Kind.IMAGE, set(Kind)),
    ],
)
def test_a_plan_ends_with_the_last_kind_that_is_asked_for(last: Kind, kinds: set[Kind]) -> None:
    made = plan(project(), Memory(), last=last)

    assert lines(made) == [("RUN", kind, name, NEVER) for kind, name in NAMES if kind in kinds]


def test_bases_alone_are_made_even_where_the_images_are_there() -> None:
    everything = every_target(project())
    made = plan(project(), Memory(t for t in everything if t.kind is Kind.IMAGE), last=Kind.BASE)

    assert lines(made) == [("RUN", kind, name, NEVER) for kind, name in NAMES if kind is Kind.BASE]


def test_a_plan_for_one_combination_has_nothing_of_the_others() -> None:
    made = plan(project(), Memory(), only=slice(0, 1))

    assert [(kind, name) for _, kind, name, _ in lines(made)] == [
        (Kind.BASE, "BUILDER_OLD_1"),
        (Kind.BASE, "RUNTIME"),
        (Kind.MODULES, f"{OLD}/535.309.01/proprietary"),
        (Kind.USERSPACE, "535.309.01/amd64"),
        (Kind.ARCHIVE, f"{OLD}/535.309.01/proprietary"),
        (Kind.IMAGE, f"old-1/{OLD}/535.309.01"),
    ]


def test_no_combinations_are_an_idle_plan() -> None:
    made = plan(project(), Memory(), only=slice(0, 0))

    assert (made.actions, made.idle) == ((), True)


def same_kernel_twice() -> Project:
    """Two releases with one kernel and builders of the same packages."""
    one = kernel(OLD, "6.1.192")
    locked = lock(kernels={"old-1/amd64": one, "new-2/amd64": one})
    bases = {**locked.bases, "BUILDER_NEW_2": locked.bases["BUILDER_OLD_1"]}
    return project(lock=Lock(kernels=locked.kernels, drivers=locked.drivers, bases=bases), images=images())


def test_releases_with_the_same_kernel_and_builder_share_all_but_the_image() -> None:
    now = same_kernel_twice()
    combinations = now.matrix().combinations
    made = plan(now, Memory())
    shared = {a.combinations for a in made.running(Kind.MODULES)}

    assert shared == {(combinations[0], combinations[2]), (combinations[1], combinations[3])}
    assert [(a.target.name, a.combinations) for a in made.running(Kind.IMAGE)] == [
        (combination.id, (combination,)) for combination in combinations
    ]


def test_a_base_that_plays_two_parts_is_made_once_and_names_a_combination_once() -> None:
    locked = lock()
    one = locked.bases["RUNTIME"].model_copy(update={"packages": [], "digest": "sha256:abc"})
    now = project(lock=Lock(kernels=locked.kernels, drivers=locked.drivers, bases=dict.fromkeys(locked.bases, one)))
    (base_action,) = plan(now, Memory(), last=Kind.BASE).actions

    assert base_action.combinations == now.matrix().combinations


def test_a_long_list_of_reasons_is_cut_with_a_count() -> None:
    target = Target(kind=Kind.MODULES, name="x", inputs=dict.fromkeys("abcde", 2))
    state = Memory([replace(target, inputs=dict.fromkeys("abcde", 1))])

    assert reason_to_make(target, state.latest_inputs) == "a changed; b changed; c changed; and 2 more"


def signed() -> Project:
    now = project()
    signer = Signer(certificate="a certificate", fingerprint="abc", hash="sha256")
    return replace(now, signer=signer, recipes={**now.recipes, "signed": {"scripts/signer/sign-modules": "1"}})


def test_a_signer_that_comes_signs_and_packs_what_is_there_and_compiles_nothing() -> None:
    made = plan(signed(), Memory(every_target(project())))

    assert to_run(made) == [
        *(("RUN", Kind.SIGNED, name, NEVER) for kind, name in NAMES if kind is Kind.MODULES),
        *(("RUN", kind, name, "modules changed") for kind, name in NAMES if kind is Kind.ARCHIVE),
        *(
            ("RUN", kind, name, f"modules: {'open ' if '550' in name else ''}proprietary changed")
            for kind, name in NAMES
            if kind is Kind.IMAGE
        ),
    ]


def test_signed_modules_that_are_there_are_kept_and_the_compiled_ones_are_not_needed_for_them() -> None:
    everything = every_target(signed())
    made = plan(signed(), Memory(t for t in everything if t.kind in (Kind.SIGNED, Kind.USERSPACE)))

    assert {kind for _, kind, _, _ in to_run(made)} == {Kind.BASE, Kind.ARCHIVE, Kind.IMAGE}
    assert [name for _, kind, name, _ in to_run(made) if kind is Kind.BASE] == ["RUNTIME"]


def test_signing_needs_the_builder_and_the_compiled_modules() -> None:
    now = signed()
    made = plan(now, Memory(), only=slice(0, 1))
    by_kind = {a.target.kind: a for a in made.actions if a.target.name != "RUNTIME"}

    assert by_kind[Kind.SIGNED].needs == (by_kind[Kind.MODULES].target.digest, by_kind[Kind.BASE].target.digest)
    assert by_kind[Kind.ARCHIVE].needs == (by_kind[Kind.SIGNED].target.digest,)


def test_compiling_alone_signs_nothing() -> None:
    made = plan(signed(), Memory(), last=Kind.MODULES)

    assert {a.target.kind for a in made.actions} == {Kind.BASE, Kind.MODULES}


def test_what_another_machine_has_made_is_taken_and_what_it_is_made_of_is_not_needed() -> None:
    targets, (combination, *_) = Targets(project()), project().matrix().combinations
    archive = targets.archive(combination, combination.module_types[0])
    made = make_plan(targets, [combination], Memory(shared=[archive]))

    assert [(a.target.kind, a.run, a.take) for a in made.actions] == [
        (Kind.BASE, False, False),
        (Kind.BASE, True, False),
        (Kind.MODULES, False, False),
        (Kind.USERSPACE, True, False),
        (Kind.ARCHIVE, False, True),
        (Kind.IMAGE, True, False),
    ]
    assert (made.taking, made.idle) == ((archive,), False)


def test_another_machine_is_asked_only_for_what_is_needed_and_not_here_a_level_at_once() -> None:
    now = project()
    targets, combinations = Targets(now), now.matrix().combinations
    archives = [targets.archive(c, t) for c in combinations for t in c.module_types]
    state = Memory(shared=archives)
    make_plan(targets, combinations, state)

    assert [{target.kind for target in asked} for asked in state.asked] == [
        {Kind.IMAGE},
        {Kind.BASE, Kind.USERSPACE, Kind.ARCHIVE},
    ]


def test_a_plan_that_only_takes_is_not_idle() -> None:
    now = project()
    targets, combinations = Targets(now), now.matrix().combinations[:1]
    wanted = [t for t in every_target(now) if t.kind is Kind.MODULES]
    made = make_plan(targets, combinations, Memory(shared=wanted), last=Kind.MODULES)

    assert ([a.target.kind for a in made.actions if a.take], made.idle) == ([Kind.MODULES], False)
