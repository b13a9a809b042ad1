"""The upgrade of one node against an API server: jobs, evictions, labels, and changes by others."""

from collections.abc import Callable

import pytest

from lifecycle.errors import InstallerError
from lifecycle.rollout.cluster import Cluster
from lifecycle.rollout.fleet import MARK
from lifecycle.rollout.plan import Planned
from lifecycle.rollout.stop import Stop
from lifecycle.rollout.upgrade import NodeUpgrade, Outcome, Settings
from tests.support.builders.fleets import INSTALLER, NEW, OLD, Json, fail, job, node, revision
from tests.support.servers.kubernetes_server import World

Grow = Callable[..., None]
Start = Callable[..., None]


def test_a_job_is_waited_for(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.pods["job"] = job("job", "a")
    looks = 0

    def end_job(_made: Json) -> None:
        assert "job" not in world.pods

    world.on_new_pod = end_job
    listed = world._listed

    def listing(kind: str, query: dict[str, str]) -> list[Json]:
        nonlocal looks
        looks += "fieldSelector" in query
        if looks == 4:
            world.pods.pop("job", None)
        return listed(kind, query)

    world._listed = listing  # type: ignore[method-assign]
    start()
    assert looks > 4
    assert world.revision_of() == {"a": NEW}


def test_a_job_that_does_not_end_stops_the_rollout(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b")
    world.pods["job"] = job("job", "a")
    with pytest.raises(InstallerError) as caught:
        start(drain_timeout="1s")
    said = str(caught.value)
    assert "a: wait for GPU pods: after 1 s there are still default/job (nvidia.com/gpu: 1)" in said
    assert "left, not begun: 1 node: b" in said
    assert "still cordoned by the rollout: a (wait for GPU pods)" in said
    assert world.revision_of() == {"a": OLD, "b": OLD}
    assert world.is_clean("b")


def test_an_eviction_is_repeated_until_the_budget_allows_it(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.pods["job"] = job("job", "a")
    world.budget = "Cannot evict pod as it would violate the pod's disruption budget."
    evict = world._evict

    def evicting(name: str) -> tuple[int, Json]:
        if len(world.made("POST", "eviction")) == 3:
            world.budget = ""
        return evict(name)

    world._evict = evicting  # type: ignore[method-assign]
    start(evict=True)
    assert len(world.made("POST", "/namespaces/default/pods/job/eviction")) == 3
    assert world.revision_of() == {"a": NEW}


def test_without_the_option_nothing_is_evicted(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.pods["job"] = job("job", "a")
    with pytest.raises(InstallerError):
        start(drain_timeout="1s")
    assert not world.made("POST", "eviction")


def test_a_driver_in_use_is_tried_again_before_it_fails(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.on_new_pod = lambda made: fail(made, code=21, restarts=2)
    with pytest.raises(
        InstallerError, match="wait until the driver is ready: not done after 1 s: install ended with 21"
    ):
        start(ready_timeout="1s")
    world.on_new_pod = lambda made: fail(made, code=21, restarts=4)
    world.revisions["third"] = revision("third", 3)
    with pytest.raises(InstallerError, match="validate the driver: install ended with 21"):
        start()


def test_another_run_tries_a_failed_driver_again_at_once(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.on_new_pod = lambda made: fail(made, code=21, restarts=4)
    with pytest.raises(InstallerError, match="validate the driver: install ended with 21"):
        start()
    world.on_new_pod = lambda made: None
    start()
    assert not world.nodes["a"]["spec"].get("unschedulable")


def test_a_node_that_somebody_cordoned_stays_cordoned(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.nodes["a"] = node("a", cordoned=True)
    start()
    assert (world.cordoned(), world.revision_of()) == (["a"], {"a": NEW})
    assert MARK not in world.nodes["a"]["metadata"]["annotations"]


def test_paused_labels_are_restored(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.nodes["a"]["metadata"]["labels"]["deploy.dcgm"] = "true"
    seen = {}
    world.on_new_pod = lambda made: seen.update(world.nodes["a"]["metadata"]["labels"])
    start(pause_labels="deploy.dcgm=paused,deploy.plugin=paused")
    assert (seen["deploy.dcgm"], seen["deploy.plugin"], seen[MARK]) == ("paused", "paused", "upgrading")
    assert world.nodes["a"]["metadata"]["labels"] == {"kubernetes.io/os": "linux", "deploy.dcgm": "true"}


def test_a_template_that_changes_meanwhile_ends_the_rollout(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b")
    world.on_new_pod = lambda made: made["metadata"]["labels"].update({"controller-revision-hash": "third"})
    with pytest.raises(InstallerError, match="was changed during the rollout"):
        start()


def test_a_node_that_is_gone_is_no_failure(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b")

    def remove(made: Json) -> None:
        world.nodes.pop("a", None)

    world.on_new_pod = remove
    start()
    assert world.revision_of()["b"] == NEW


def test_a_change_of_the_node_meanwhile_is_looked_at_again(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    patch = world._patch
    tried = []

    def patching(name: str, body: Json) -> tuple[int, Json]:
        tried.append(name)
        if len(tried) in (1, 3):
            world.nodes[name]["metadata"]["resourceVersion"] = f"changed-{len(tried)}"
        return patch(name, body)

    world._patch = patching  # type: ignore[method-assign]
    start()
    assert len(tried) == 4
    assert world.is_clean("a")


def test_a_change_whose_answer_was_lost_is_not_made_twice(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    patch = world._patch
    answers = []

    def patching(name: str, body: Json) -> tuple[int, Json]:
        answers.append(patch(name, body))
        return (504, {"message": "the answer is lost"}) if len(answers) == 1 else answers[-1]

    world._patch = patching  # type: ignore[method-assign]
    start()
    assert [code for code, _ in answers] == [200, 409, 200]
    assert world.is_clean("a")


def test_a_run_that_ends_at_once_gives_nothing_back(world: World, grow: Grow, cluster: Cluster) -> None:
    grow("a")
    stop = Stop()
    stop.end_now()
    settings = Settings(run="run", drain_timeout=1, ready_timeout=1, poll=0)
    planned = Planned(node="a", installer=INSTALLER, reason="")
    assert NodeUpgrade(cluster, planned, settings, stop, print).run().outcome is Outcome.INTERRUPTED
