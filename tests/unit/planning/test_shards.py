from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.config.costs import BranchCosts, Costs
from lifecycle.config.schema import ModuleType
from lifecycle.errors import EXIT_USAGE, ConfigurationError
from lifecycle.planning.locked_project import LockedProject, load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.planning.selector import NothingSelectedError, select
from lifecycle.planning.shards import BadShardError, Compile, Group, Load, Shard, chosen, divide, groups_of, parse_shard
from lifecycle.planning.targets import Targets
from tests.support.builders.projects import base, component, driver, kernel, lock, project
from tests.support.checkout import ROOT

DRIVERS = ("470.256.02", "535.309.01", "550.163.01", "570.86.15", "580.105.08")
RELEASES = "    - {name: old-1, channel: previous}\n    - {name: new-2, channel: current}\n"
SOURCES = "    old-1:\n      kind: apt\n      repositories: [{archive: Debian, suite: old, components: [main]}]\n"
PACKAGES, OTHER_BRANCHES = "{kind: packages, release: r-0}", ("470", "535", "570", "580")


def of_releases(releases: Sequence[tuple[int, int]], drivers: Sequence[str]) -> LockedProject:
    """Return a project with these drivers and releases; a release is the numbers of its kernel and its builder."""
    names = [f"r-{number}" for number in range(len(releases))]
    declared = component(
        (RELEASES, "".join(f"    - {{name: {name}, channel: current}}\n" for name in names)),
        ("    - 535\n    - 550.163.01\n", "".join(f"    - {version}\n" for version in drivers)),
        (SOURCES, SOURCES.replace("old-1", "r-*")),
        (
            "    535: {kind: packages, release: old-1}\n",
            "".join(f"    {name}: {PACKAGES}\n" for name in OTHER_BRANCHES),
        ),
        ("    550: {kind: packages, release: new-2}\n", f"    550: {PACKAGES}\n"),
    )
    locked = lock(
        kernels={
            f"{name}/amd64": kernel(f"6.{number}.0-amd64", f"6.{number}.0")
            for name, (number, _) in zip(names, releases, strict=True)
        },
        drivers={f"{version}/amd64": driver(version) for version in drivers},
    )
    bases = {f"BUILDER_R_{index}": base(f"builder-{number}") for index, (_, number) in enumerate(releases)}
    return project(component=declared, lock=locked.model_copy(update={"bases": {**locked.bases, **bases}}))


projects = st.builds(
    of_releases,
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 2)), min_size=1, max_size=6),
    st.lists(st.sampled_from(DRIVERS), min_size=1, max_size=4, unique=True),
)
counts = st.integers(0, 400)
branches = st.builds(
    lambda questions, part, files: BranchCosts(
        questions=questions, again=questions * part // 10, files=dict.fromkeys(ModuleType, files + 1)
    ),
    counts,
    st.integers(0, 10),
    counts,
)
prices = st.builds(
    Costs,
    question=st.floats(0, 10),
    file=st.floats(0, 10),
    branches=st.dictionaries(st.sampled_from(["525", "550", "575"]), branches, min_size=1),
)


def groups(of: LockedProject, costs: Costs, combinations: Sequence[Combination] | None = None) -> list[Group]:
    return groups_of(Targets(of), of.matrix.combinations if combinations is None else combinations, costs)


def parts(loads: Sequence[Load]) -> list[list[str]]:
    return [sorted(combination.id for group in load.groups for combination in group.combinations) for load in loads]


@given(projects, prices, st.integers(1, 9), st.data())
def test_every_selected_combination_is_in_exactly_one_shard(
    of: LockedProject, costs: Costs, count: int, data: st.DataObject
) -> None:
    every = of.matrix.combinations
    some = data.draw(st.lists(st.sampled_from(every), min_size=1, unique_by=lambda combination: combination.id))
    loads = divide(groups(of, costs, some), count)

    assert len(loads) <= count
    assert sorted(name for part in parts(loads) for name in part) == sorted(combination.id for combination in some)


@given(projects, prices, st.integers(1, 9), st.randoms())
def test_the_division_depends_on_nothing_but_what_is_divided(
    of: LockedProject, costs: Costs, count: int, random: object
) -> None:
    every = list(of.matrix.combinations)
    first = parts(divide(groups(of, costs, every), count))
    random.shuffle(every)  # type: ignore[attr-defined]

    assert parts(divide(groups(of, costs, every), count)) == first


@given(projects, prices, st.integers(1, 9))
def test_what_shares_modules_or_a_compile_lies_in_one_shard(of: LockedProject, costs: Costs, count: int) -> None:
    targets, places = Targets(of), dict[object, set[int]]()
    for index, load in enumerate(divide(groups(of, costs), count)):
        for combination in (combination for group in load.groups for combination in group.combinations):
            container = (combination.kernel, combination.driver, targets.builder(combination).digest)
            digests = [targets.compiled(combination, module_type).digest for module_type in combination.module_types]
            for key in (container, *digests):
                places.setdefault(key, set()).add(index)

    assert {len(where) for where in places.values()} == {1}


@given(projects, prices, st.integers(1, 9))
def test_no_load_exceeds_the_mean_by_more_than_the_longest_group(of: LockedProject, costs: Costs, count: int) -> None:
    made = groups(of, costs)
    alone = [Load().more(group) for group in made]
    loads = divide(made, count)

    assert max(load.seconds for load in loads) <= (sum(alone) / len(loads) + max(alone)) * (1 + 1e-9)


@given(projects, prices)
def test_with_a_shard_for_each_group_none_waits_for_another(of: LockedProject, costs: Costs) -> None:
    made = groups(of, costs)
    longest = max(Load().more(group) for group in made)

    assert max(load.seconds for load in divide(made, len(made))) <= longest * (1 + 1e-9)


@given(projects, prices, st.integers(1, 9))
def test_a_kernel_is_asked_in_full_once_in_a_shard(of: LockedProject, costs: Costs, count: int) -> None:
    for load in divide(groups(of, costs), count):
        works = [work for group in load.groups for work in group.compiles]
        full = {work.kernel: max(w.first - w.again for w in works if w.kernel == work.kernel) for work in works}

        assert load.seconds <= (sum(work.again for work in works) + sum(full.values())) * (1 + 1e-9)


FLAT = Costs(
    question=1.0,
    file=1.0,
    branches={"550": BranchCosts(questions=100, again=10, files=dict.fromkeys(ModuleType, 50))},
)


def test_drivers_of_one_kernel_go_where_it_was_asked() -> None:
    of = of_releases([(1, 1), (2, 1)], DRIVERS[1:3])
    first, second = divide(groups(of, FLAT), 2)

    assert [{c.kernel for group in load.groups for c in group.combinations} for load in (first, second)] == [
        {"6.1.0-amd64"},
        {"6.2.0-amd64"},
    ]
    assert (first.seconds, second.seconds) == (260, 260)


def group(kernel: str, driver: str, seconds: int) -> Group:
    work = Compile(kernel=(kernel, "builder"), first=150 + seconds, again=seconds)
    return Group(name=f"{kernel}/{driver}", combinations=(), compiles=(work,))


def test_a_kernel_that_was_asked_is_waited_for_where_all_end_sooner_for_it() -> None:
    """Check that the first short group leaves the idle worker to the second, which would end late on any other."""
    old, new = "6.1", "6.12"
    made = [group(old, "535", 145), group(old, "550", 155), group(new, "535", 145), group(new, "550", 310)]

    assert sorted(load.seconds for load in divide(made, 3)) == [295, 450, 460]


@pytest.mark.parametrize("only", ["", "debian-13", "535", "previous, debian-13/550"])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_of_a_selection_are_that_selection(only: str, count: int) -> None:
    of = load_locked_project(ROOT)
    shards = [chosen(of, only, Shard(index=index, count=count)) for index in range(1, count + 1)]
    selected = select(of.matrix, only)

    assert sorted(c.id for shard in shards for c in shard) == sorted(c.id for c in selected)
    for shard in shards:
        places = [selected.index(combination) for combination in shard]
        assert all(one < next_ for one, next_ in pairwise(places))


def test_more_workers_than_there_is_work_for_leave_some_without() -> None:
    assert chosen(load_locked_project(ROOT), "", Shard(index=999_999_999, count=999_999_999)) == ()


def test_a_selector_that_means_nothing_is_refused_whatever_the_shard() -> None:
    with pytest.raises(NothingSelectedError):
        chosen(load_locked_project(ROOT), "nope", Shard(index=1, count=2))


def test_without_a_file_of_costs_nothing_is_divided() -> None:
    with pytest.raises(ConfigurationError, match=r"costs\.yaml: no such file"):
        chosen(project(), "", Shard(index=1, count=2))
    assert chosen(project(), "", None) == project().matrix.combinations


@given(st.integers(1, 999_999_999), st.integers(1, 999_999_999))
def test_a_shard_is_read_as_it_is_written(one: int, other: int) -> None:
    shard = Shard(index=min(one, other), count=max(one, other))

    assert parse_shard(str(shard)) == shard


def test_no_shard_is_the_whole() -> None:
    assert parse_shard("") is None


@pytest.mark.parametrize(
    "text", ["0/4", "5/4", "1/0", "1", "1/", "/4", "a/b", "-1/4", "1/4/4", " 1/4", "1.0/4", "१/4", "1/4\n"]
)
def test_what_is_no_shard_is_one_sentence(text: str) -> None:
    with pytest.raises(BadShardError) as caught:
        parse_shard(text)

    assert str(caught.value) == f"--shard {text!r}: write I/N for shard I of N, such as 1/4"
    assert caught.value.exit_code == EXIT_USAGE
