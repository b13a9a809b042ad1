"""The laws of a rollout, over drawn fleets, failures and interruptions, against an API server."""

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.rollout.api import Api
from lifecycle.rollout.cluster import Cluster
from lifecycle.rollout.kubeconfig import open_client
from lifecycle.rollout.plan import Plan, WaveSize, make_plan
from lifecycle.rollout.run import Waves
from lifecycle.rollout.stop import Stop
from lifecycle.rollout.upgrade import NodeResult, Outcome, Settings
from lifecycle.tools.terminal.progress import Progress
from tests.support.builders.fleets import NAMESPACE, NEW, OLD, Json, daemon_set, fail, job, node, pod, revision
from tests.support.servers.kubernetes_server import Answer, World, kubernetes_server

# Each example is one or two rollouts over HTTP.
_MANY = 15


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, World]]:
    """Serve one cluster, whose objects each example replaces."""
    world = World()
    with kubernetes_server(world) as found:
        yield found, world


def roll(address: str, size: int, run: str, stop: Stop) -> tuple[Plan, list[NodeResult]]:
    """Run a rollout to its end, and return its plan with the ends of its nodes."""
    config = {
        "clusters": [{"name": "a", "cluster": {"server": address}}],
        "contexts": [{"name": "a", "context": {"cluster": "a"}}],
        "current-context": "a",
    }
    with TemporaryDirectory() as folder:
        path = Path(folder, "kubeconfig")
        path.write_text(yaml.safe_dump(config))
        cluster = Cluster(Api(open_client(str(path), "", {}, connections=8), stop.wait), NAMESPACE)
    plan = make_plan(cluster.fleet(cluster.installers(), ""), WaveSize(size))
    limits = Settings(run=run, drain_timeout=0.02, ready_timeout=0.02, poll=0.002)
    return plan, Waves(cluster, plan, limits, stop, Progress()).run()


def fill(world: World, kinds: list[str]) -> None:
    """Make a fleet: a node for each kind."""
    vars(world).update(
        vars(World(sets={"set": daemon_set()}, revisions={OLD: revision(OLD, 1), NEW: revision(NEW, 2)}))
    )
    for number, kind in enumerate(kinds):
        name = f"{kind}-{number}"
        world.nodes[name] = node(name, cordoned=kind == "cordoned", ready=kind != "unready")
        world.pods[f"pod-{name}"] = pod(f"pod-{name}", name, revision=NEW if kind == "current" else OLD)
        if kind == "busy":
            world.pods[f"job-{name}"] = job(f"job-{name}", name)
    world.on_new_pod = lambda made: fail(made) if made["spec"]["nodeName"].startswith("failing") else None


KINDS = st.lists(
    st.sampled_from(["old", "old", "current", "busy", "failing", "cordoned", "unready"]), min_size=1, max_size=7
)


@settings(max_examples=_MANY)
@given(kinds=KINDS, size=st.integers(1, 4))
def test_a_rollout_touches_only_old_nodes_and_a_wave_at_a_time(
    address: tuple[str, World], kinds: list[str], size: int
) -> None:
    where, world = address
    fill(world, kinds)
    before = len(world.cordoned())
    plan, results = roll(where, size, "first", Stop())
    assert world.most_cordoned <= size + before
    assert {result.planned.node for result in results} == {planned.node for planned in plan.nodes}
    for name in world.nodes:
        kind = name.partition("-")[0]
        changes = [path for method, path in world.requests if method != "GET" and path.endswith(f"/{name}")]
        if kind in ("current", "unready"):
            assert changes == []
        if kind == "busy":
            assert world.revision_of()[name] == OLD
        if kind == "cordoned":
            assert name in world.cordoned()


@settings(max_examples=_MANY)
@given(kinds=KINDS, size=st.integers(1, 4))
def test_what_a_rollout_reports_is_what_it_leaves(address: tuple[str, World], kinds: list[str], size: int) -> None:
    where, world = address
    fill(world, kinds)
    _, results = roll(where, size, "first", Stop())
    for result in results:
        name = result.planned.node
        is_new = world.revision_of()[name] == NEW
        marked = bool(world.nodes[name]["metadata"]["annotations"])
        assert marked is result.held
        assert is_new or result.outcome is not Outcome.DONE
        if result.outcome in (Outcome.LEFT, Outcome.RETURNED):
            assert not is_new
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    assert bool(failed) is ("busy" in kinds or "failing" in kinds)


@settings(max_examples=_MANY)
@given(
    kinds=st.lists(st.sampled_from(["old", "current", "cordoned"]), min_size=1, max_size=5),
    size=st.integers(1, 3),
    at=st.integers(4, 40),
)
def test_an_interruption_at_any_request_is_finished_by_the_next_run(
    address: tuple[str, World], kinds: list[str], size: int, at: int
) -> None:
    where, world = address
    fill(world, kinds)
    stop = Stop()
    answer = World.answer

    def ending(method: str, target: str, body: Json) -> Answer:
        if len(world.requests) == at:
            stop.end_now()
        return answer(world, method, target, body)

    world.answer = ending  # type: ignore[method-assign]
    roll(where, size, "first", stop)
    del world.answer
    roll(where, size, "second", Stop())
    assert set(world.revision_of().values()) == {NEW}
    assert sorted(world.cordoned()) == sorted(name for name in world.nodes if name.startswith("cordoned"))
    assert not any(found["metadata"]["annotations"] for found in world.nodes.values())
