from dataclasses import replace

import pytest

from lifecycle.config.lock import Lock
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.plan import again, reason_to_build
from lifecycle.planning.targets import Kind, Target, Targets
from tests.support.builders.plans import NAMES, NEVER, NOT_NEEDED, OLD, SAME, lines, plan, to_run
from tests.support.builders.projects import every_target, images, kernel, lock, project
from tests.support.fakes.build_state import FakeBuildState


def test_with_nothing_made_everything_is_made_for_the_first_time() -> None:
    made = plan(project(), FakeBuildState())

    assert lines(made) == [("RUN", kind, name, NEVER) for kind, name in NAMES]
    assert not made.idle


def test_with_everything_made_nothing_is_made() -> None:
    made = plan(project(), FakeBuildState(every_target(project())))

    assert lines(made) == [("SKIP", kind, name, SAME) for kind, name in NAMES]
    assert made.idle


def test_again_everything_of_a_plan_is_made_and_nothing_is_taken() -> None:
    made = again(plan(project(), FakeBuildState(every_target(project())[:9], shared=every_target(project()))))

    assert lines(made) == [("RUN", kind, name, "built again, because of --rebuild") for kind, name in NAMES]


def test_each_action_comes_after_what_it_needs() -> None:
    seen: set[str] = set()
    for action in plan(project(), FakeBuildState()).actions:
        assert set(action.needs) <= seen, action.target.name
        seen.add(action.target.digest)


def test_what_an_action_needs_is_what_its_target_is_made_of() -> None:
    now = project()
    targets, combination = Targets(now), now.matrix.combinations[3]
    actions = {a.target.digest: a for a in plan(now, FakeBuildState()).actions}
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
    combinations = now.matrix.combinations
    users = {(a.target.kind, a.target.name): a.combinations for a in plan(now, FakeBuildState()).actions}

    assert users[Kind.BASE, "RUNTIME"] == combinations
    assert users[Kind.BASE, "BUILDER_OLD_1"] == combinations[:2]
    assert users[Kind.USERSPACE, "550.163.01/amd64"] == (combinations[1], combinations[3])
    assert users[Kind.MODULES, f"{OLD}/550.163.01/open"] == (combinations[1],)


def test_what_only_leads_to_images_that_are_there_is_not_made() -> None:
    everything = every_target(project())
    made = plan(project(), FakeBuildState(t for t in everything if t.kind is Kind.IMAGE))

    assert lines(made) == [("SKIP", kind, name, SAME if kind is Kind.IMAGE else NOT_NEEDED) for kind, name in NAMES]


def test_a_builder_is_not_made_for_modules_that_are_there() -> None:
    everything = every_target(project())
    made = plan(project(), FakeBuildState(t for t in everything if t.kind not in (Kind.BASE, Kind.IMAGE)))

    assert [(run, kind, name) for run, kind, name, _ in lines(made) if kind in (Kind.BASE, Kind.IMAGE)] == [
        ("SKIP", Kind.BASE, "BUILDER_OLD_1"),
        ("RUN", Kind.BASE, "RUNTIME"),
        ("SKIP", Kind.BASE, "BUILDER_NEW_2"),
        *(("RUN", kind, name) for kind, name in NAMES if kind is Kind.IMAGE),
    ]


def test_a_result_that_is_gone_is_made_again_with_all_that_it_needs() -> None:
    everything = every_target(project())
    state = FakeBuildState(everything)
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
    made = plan(project(), FakeBuildState(), last=last)

    assert lines(made) == [("RUN", kind, name, NEVER) for kind, name in NAMES if kind in kinds]


def test_bases_alone_are_made_even_where_the_images_are_there() -> None:
    everything = every_target(project())
    made = plan(project(), FakeBuildState(t for t in everything if t.kind is Kind.IMAGE), last=Kind.BASE)

    assert lines(made) == [("RUN", kind, name, NEVER) for kind, name in NAMES if kind is Kind.BASE]


def test_a_plan_for_one_combination_has_nothing_of_the_others() -> None:
    made = plan(project(), FakeBuildState(), only=slice(0, 1))

    assert [(kind, name) for _, kind, name, _ in lines(made)] == [
        (Kind.BASE, "BUILDER_OLD_1"),
        (Kind.BASE, "RUNTIME"),
        (Kind.MODULES, f"{OLD}/535.309.01/proprietary"),
        (Kind.USERSPACE, "535.309.01/amd64"),
        (Kind.ARCHIVE, f"{OLD}/535.309.01/proprietary"),
        (Kind.IMAGE, f"old-1/{OLD}/535.309.01"),
    ]


def test_no_combinations_are_an_idle_plan() -> None:
    made = plan(project(), FakeBuildState(), only=slice(0, 0))

    assert (made.actions, made.idle) == ((), True)


def same_kernel_twice() -> LockedProject:
    """Return a project of two releases with the same kernel and with builders of the same packages."""
    one = kernel(OLD, "6.1.192")
    locked = lock(kernels={"old-1/amd64": one, "new-2/amd64": one})
    bases = {**locked.bases, "BUILDER_NEW_2": locked.bases["BUILDER_OLD_1"]}
    return project(lock=Lock(kernels=locked.kernels, drivers=locked.drivers, bases=bases), images=images())


def test_releases_with_the_same_kernel_and_builder_share_all_but_the_image() -> None:
    now = same_kernel_twice()
    combinations = now.matrix.combinations
    made = plan(now, FakeBuildState())
    shared = {a.combinations for a in made.running(Kind.MODULES)}

    assert shared == {(combinations[0], combinations[2]), (combinations[1], combinations[3])}
    assert [(a.target.name, a.combinations) for a in made.running(Kind.IMAGE)] == [
        (combination.id, (combination,)) for combination in combinations
    ]


def test_a_base_with_two_roles_is_made_once_and_names_a_combination_once() -> None:
    locked = lock()
    one = locked.bases["RUNTIME"].model_copy(update={"packages": [], "digest": "sha256:abc"})
    now = project(lock=Lock(kernels=locked.kernels, drivers=locked.drivers, bases=dict.fromkeys(locked.bases, one)))
    (base_action,) = plan(now, FakeBuildState(), last=Kind.BASE).actions

    assert base_action.combinations == now.matrix.combinations


def test_a_long_list_of_reasons_is_cut_with_a_count() -> None:
    target = Target(kind=Kind.MODULES, name="x", inputs=dict.fromkeys("abcde", "2"))
    state = FakeBuildState([replace(target, inputs=dict.fromkeys("abcde", "1"))])

    assert reason_to_build(target, state.latest_inputs) == "a changed; b changed; c changed; and 2 more"
