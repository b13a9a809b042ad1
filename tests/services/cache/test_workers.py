"""Workers that share a store and nothing else: what one has made, no other makes."""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.selector import select
from lifecycle.planning.targets import Targets
from tests.support.machines.workers import OPTIONS_FOUND, REPOSITORY, VERSIONS, Farm, Machine, Ran, farm_in, together
from tests.support.servers.processes import wait_until
from tests.support.servers.registry_server import RegistryServer, registry_server

Pair = tuple[Machine, Machine]
SMALL = ("--only", VERSIONS[1])


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """Create a registry and one checkout for all workers."""
    with farm_in(tmp_path_factory.mktemp("farm")) as made:
        yield made


@pytest.fixture(scope="module")
def workers(farm: Farm) -> Iterator[Pair]:
    """Start two machines that can compile and stop them at the end."""
    with farm.worker(1) as one, farm.worker(2) as other:
        yield one, other


@pytest.fixture(scope="module")
def shards(workers: Pair) -> list[Ran]:
    """Build one shard on each worker at the same time and return the results."""
    one, other = workers
    return together(lambda: one.invoke("build", "--shard", "1/2"), lambda: other.invoke("build", "--shard", "2/2"))


@pytest.fixture(scope="module")
def everything(shards: list[Ran], workers: Pair) -> Mapping[str, bytes]:
    """Return all results that the two workers have made."""
    assert [ran.code for ran in shards] == [0, 0], [ran.stderr for ran in shards]
    one, other = (machine.results() for machine in workers)
    return {**one, **other}


@pytest.fixture(scope="module")
def wholes(everything: Mapping[str, bytes], workers: Pair) -> list[Ran]:
    """Build the whole matrix on each worker after that and return the results."""
    one, other = workers
    return together(lambda: one.invoke("build"), lambda: other.invoke("build"))


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A new machine that may only read from the registry, and the results of its dry run and of its build."""

    machine: Machine
    planned: Ran
    ran: Ran
    untouched: bool


@pytest.fixture(scope="module")
def reading(farm: Farm, everything: Mapping[str, bytes]) -> Iterator[Reading]:
    """Do a dry run and then a build of the whole matrix on a third machine."""
    before = contents(farm.registry)
    with farm.newcomer(3) as machine:
        planned, ran = machine.invoke("build", "--dry-run"), machine.invoke("build")
        yield Reading(machine=machine, planned=planned, ran=ran, untouched=contents(farm.registry) == before)


def contents(registry: RegistryServer) -> dict[Path, int]:
    """Return all paths in a registry's storage with their modification times in nanoseconds."""
    return {path: path.stat().st_mtime_ns for path in registry.data.rglob("*")}


def given(registry: RegistryServer, repository: str) -> list[str]:
    """Return the tags that were written to a repository, in their order."""
    begin = f"/v2/{repository}/manifests/"
    return [path.removeprefix(begin) for path in registry.requests("PUT", 201) if path.startswith(begin)]


def of_the_small_one(results: Mapping[str, bytes], machine: Machine) -> dict[str, bytes]:
    """Return the results that a machine needs for the combination of SMALL."""
    project = load_locked_project(machine.checkout)
    targets, (combination,) = Targets(project), select(project.matrix, SMALL[1])
    modules = [make(combination, t) for t in combination.module_types for make in (targets.compiled, targets.archive)]
    wanted = {f"{target.kind}/{target.digest}" for target in (targets.userspace(combination), *modules)}
    return {name: content for name, content in results.items() if name.rpartition("/")[0] in wanted}


def test_each_combination_is_compiled_once_in_total_by_shards(shards: list[Ran], workers: Pair, farm: Farm) -> None:
    wanted = [f"{c.id} {'+'.join(c.module_types)}" for c in load_locked_project(farm.checkout).matrix.combinations]

    assert len(wanted) == 2
    assert sorted(title for ran in shards for title in ran.compiled) == wanted
    assert [len(machine.compiles()) for machine in workers] == [1, 1]


def test_who_takes_the_rest_compiles_nothing(wholes: list[Ran], workers: Pair) -> None:
    assert [(ran.code, ran.compiled, ran.warnings) for ran in wholes] == [(0, [], [])] * 2
    assert [len(machine.compiles()) for machine in workers] == [1, 1]


def test_the_options_of_conftest_are_found_out_once_for_all_its_questions(shards: list[Ran], workers: Pair) -> None:
    logs = [log for machine in workers for log in machine.make_logs()]

    assert len(logs) == 3
    # make reads a Kbuild for the modules, and once more to link them.
    assert [log.count(OPTIONS_FOUND) for log in logs] == [2] * 3


def test_both_have_all_images_and_these_are_the_same(wholes: list[Ran], workers: Pair) -> None:
    one, other = (machine.images() for machine in workers)

    assert one == other
    assert len(one) == 4


def test_the_results_are_the_same_bytes_on_both(
    wholes: list[Ran], workers: Pair, everything: Mapping[str, bytes]
) -> None:
    compiles = [machine.invoke("compile") for machine in workers]

    assert [(ran.code, ran.compiled) for ran in compiles] == [(0, [])] * 2
    assert [machine.results() for machine in workers] == [everything] * 2


def test_every_result_is_given_once(wholes: list[Ran], everything: Mapping[str, bytes], farm: Farm) -> None:
    made = sorted(Path(name).parent.as_posix().replace("/", "-") for name in everything if name.endswith("result.json"))

    assert sorted(given(farm.registry, REPOSITORY)) == made
    assert set(farm.registry.tags()) == set(made)


def test_two_that_make_the_same_at_once_make_the_same_bytes(
    farm: Farm, workers: Pair, everything: Mapping[str, bytes]
) -> None:
    before = farm.registry.blobs()
    one, other = (farm.emptied(machine, "race", INVOKE_STORE=f"{farm.registry.host}/race") for machine in workers)
    raced = together(lambda: one.invoke("package", *SMALL), lambda: other.invoke("package", *SMALL))

    assert [(ran.code, ran.warnings) for ran in raced] == [(0, [])] * 2
    assert sum(len(ran.compiled) for ran in raced) in (1, 2)
    assert one.results() == other.results() == of_the_small_one(everything, one)
    assert (len({*given(farm.registry, "race")}), farm.registry.blobs()) == (3, before)


def test_a_dry_run_says_what_is_taken(reading: Reading) -> None:
    planned = Counter(" ".join(line.split()[:2]) for line in reading.planned.stdout.splitlines())

    assert planned.items() >= {"TAKE userspace": 2, "TAKE archive": 3, "RUN image": 2, "SKIP modules": 3}.items()


def test_a_newcomer_builds_all_images_without_a_compiler(reading: Reading, wholes: list[Ran], workers: Pair) -> None:
    assert (reading.ran.code, reading.ran.compiled, reading.ran.warnings) == (0, [], [])
    assert reading.machine.images() == workers[0].images()


def test_a_newcomer_downloads_nothing_but_results(reading: Reading) -> None:
    assert reading.ran.code == 0
    assert not (reading.machine.cache / "blobs").exists()


def test_who_may_only_read_changes_nothing_in_the_store(reading: Reading) -> None:
    assert reading.untouched


def test_a_store_that_fails_within_a_build_costs_one_warning_only(
    farm: Farm, workers: Pair, everything: Mapping[str, bytes], tmp_path: Path
) -> None:
    with registry_server(tmp_path / "registry") as registry, ThreadPoolExecutor(1) as pool:
        machine = farm.emptied(workers[0], "outage", INVOKE_STORE=f"{registry.host}/store")
        running = pool.submit(machine.invoke, "package", *SMALL)
        wait_until(lambda: bool(given(registry, "store")), registry.process, registry.host)
        registry.kill()
        ran = running.result()

    assert (ran.code, len(ran.warnings)) == (0, 1)
    assert ran.warnings[0].startswith(f"WARNING: continuing without the remote cache {registry.host}/store: ")
    assert len(ran.compiled) == 1
    assert machine.results() == of_the_small_one(everything, machine)
