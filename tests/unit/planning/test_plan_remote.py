"""Plans with a signer, and with results that another machine has made."""

from dataclasses import replace

from lifecycle.config.security import Signer
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.plan import make_plan
from lifecycle.planning.targets import Kind, Targets
from tests.support.builders.plans import NAMES, NEVER, plan, to_run
from tests.support.builders.projects import every_target, project
from tests.support.fakes.build_state import FakeBuildState


def signed() -> LockedProject:
    now = project()
    signer = Signer(certificate="a certificate", fingerprint="abc", hash="sha256")
    return replace(now, signer=signer, recipes={**now.recipes, "signed": {"scripts/signer/sign-modules": "1"}})


def test_a_new_signer_signs_and_packs_existing_modules_without_compiling() -> None:
    made = plan(signed(), FakeBuildState(every_target(project())))

    assert to_run(made) == [
        *(("RUN", Kind.SIGNED, name, NEVER) for kind, name in NAMES if kind is Kind.MODULES),
        *(("RUN", kind, name, "modules changed") for kind, name in NAMES if kind is Kind.ARCHIVE),
        *(
            ("RUN", kind, name, f"modules: {'open ' if '550' in name else ''}proprietary changed")
            for kind, name in NAMES
            if kind is Kind.IMAGE
        ),
    ]


def test_signed_modules_are_reused_without_the_compiled_ones() -> None:
    everything = every_target(signed())
    made = plan(signed(), FakeBuildState(t for t in everything if t.kind in (Kind.SIGNED, Kind.USERSPACE)))

    assert {kind for _, kind, _, _ in to_run(made)} == {Kind.BASE, Kind.ARCHIVE, Kind.IMAGE}
    assert [name for _, kind, name, _ in to_run(made) if kind is Kind.BASE] == ["RUNTIME"]


def test_signing_needs_the_builder_and_the_compiled_modules() -> None:
    now = signed()
    made = plan(now, FakeBuildState(), only=slice(0, 1))
    by_kind = {a.target.kind: a for a in made.actions if a.target.name != "RUNTIME"}

    assert by_kind[Kind.SIGNED].needs == (by_kind[Kind.MODULES].target.digest, by_kind[Kind.BASE].target.digest)
    assert by_kind[Kind.ARCHIVE].needs == (by_kind[Kind.SIGNED].target.digest,)


def test_compiling_alone_signs_nothing() -> None:
    made = plan(signed(), FakeBuildState(), last=Kind.MODULES)

    assert {a.target.kind for a in made.actions} == {Kind.BASE, Kind.MODULES}


def test_a_remote_result_is_downloaded_and_its_inputs_are_not_needed() -> None:
    targets, (combination, *_) = Targets(project()), project().matrix.combinations
    archive = targets.archive(combination, combination.module_types[0])
    made = make_plan(targets, [combination], FakeBuildState(shared=[archive]))

    assert [(a.target.kind, a.run, a.take) for a in made.actions] == [
        (Kind.BASE, False, False),
        (Kind.BASE, True, False),
        (Kind.MODULES, False, False),
        (Kind.USERSPACE, True, False),
        (Kind.ARCHIVE, False, True),
        (Kind.IMAGE, True, False),
    ]
    assert (made.taking, made.idle) == ((archive,), False)


def test_the_remote_cache_is_asked_for_missing_targets_level_by_level() -> None:
    now = project()
    targets, combinations = Targets(now), now.matrix.combinations
    archives = [targets.archive(c, t) for c in combinations for t in c.module_types]
    state = FakeBuildState(shared=archives)
    make_plan(targets, combinations, state)

    assert [{target.kind for target in asked} for asked in state.asked] == [
        {Kind.IMAGE},
        {Kind.BASE, Kind.USERSPACE, Kind.ARCHIVE},
    ]


def test_a_plan_that_only_takes_is_not_idle() -> None:
    now = project()
    targets, combinations = Targets(now), now.matrix.combinations[:1]
    wanted = [t for t in every_target(now) if t.kind is Kind.MODULES]
    made = make_plan(targets, combinations, FakeBuildState(shared=wanted), last=Kind.MODULES)

    assert ([a.target.kind for a in made.actions if a.take], made.idle) == ([Kind.MODULES], False)
