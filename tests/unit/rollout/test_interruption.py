"""Rollouts that end early: the state that they leave, and the next run."""

import json
import os
import signal
import threading
from collections.abc import Callable

import pytest

from lifecycle.errors import EXIT_INTERRUPTED, InstallerError
from lifecycle.rollout.fleet import MARK
from tests.support.builders.fleets import NEW, OLD, Json, fail, job, node, revision
from tests.support.servers.kubernetes_server import World

Grow = Callable[..., None]
Start = Callable[..., None]


def test_the_first_failure_ends_the_rollout_with_its_message(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b", "c")
    world.on_new_pod = lambda made: fail(made) if made["spec"]["nodeName"] == "b" else None
    with pytest.raises(InstallerError) as caught:
        start()
    said = str(caught.value)
    assert said.startswith("b: validate the driver: install ended with 10: wrong kernel\n")
    assert "docs/how-to/exit-codes.md says what 10 means" in said
    assert "upgraded: 1 node: a" in said
    assert "left, not begun: 1 node: c" in said
    assert "still cordoned by the rollout: b (validate the driver)" in said
    assert (world.cordoned(), world.revision_of()["c"]) == (["b"], OLD)


def test_the_next_run_goes_on_with_the_node_that_failed(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b", "c")
    world.on_new_pod = lambda made: fail(made) if made["spec"]["nodeName"] == "b" else None
    with pytest.raises(InstallerError):
        start()
    world.requests.clear()
    world.on_new_pod = lambda made: None
    world.revisions["third"] = revision("third", 3)
    start()
    assert set(world.revision_of().values()) == {"third"}
    assert all(world.is_clean(name) for name in "abc")
    assert "/nodes/b" in world.made("PATCH", "")[0]


def test_a_wave_mate_that_waits_for_jobs_is_given_back_after_a_failure(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b")
    world.pods["job"] = job("job", "b")
    world.on_new_pod = fail
    with pytest.raises(InstallerError, match="given back with their old driver: 1 node: b"):
        start(wave="2")
    assert world.is_clean("b")
    assert world.cordoned() == ["a"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_the_node_to_the_next_run(
    world: World, grow: Grow, start: Start, number: signal.Signals
) -> None:
    grow("a", "b")
    world.pods["job"] = job("job", "a")
    before = signal.signal(number, signal.default_int_handler)

    def stop() -> None:
        _wait_for(world.cordoned)
        os.kill(os.getpid(), number)

    timer = threading.Thread(target=stop)
    timer.start()
    try:
        with pytest.raises(InstallerError) as caught:
            start()
    finally:
        timer.join()
        signal.signal(number, before)
    assert caught.value.exit_code == EXIT_INTERRUPTED
    assert "still cordoned by the rollout: a" in str(caught.value)
    del world.pods["job"]
    start()
    assert set(world.revision_of().values()) == {NEW}
    assert world.is_clean("a")


def _wait_for(look: Callable[[], object]) -> None:
    done = threading.Event()
    while not look():
        done.wait(0.005)


def test_the_first_values_of_paused_labels_survive_an_interruption(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.nodes["a"]["metadata"]["labels"]["deploy.dcgm"] = "true"
    world.on_new_pod = fail
    for _ in range(2):
        with pytest.raises(InstallerError):
            start(pause_labels="deploy.dcgm=paused")
    world.on_new_pod = lambda made: None
    world.revisions["third"] = revision("third", 3)
    start()
    assert world.nodes["a"]["metadata"]["labels"] == {"kubernetes.io/os": "linux", "deploy.dcgm": "true"}


def test_a_second_rollout_takes_over_and_the_first_stops(world: World, grow: Grow, start: Start) -> None:
    grow("a")

    def take_over(made: Json) -> None:
        made["status"]["conditions"] = []
        mark = json.loads(world.nodes["a"]["metadata"]["annotations"][MARK])
        world.nodes["a"]["metadata"]["annotations"][MARK] = json.dumps({**mark, "run": "later"})

    world.on_new_pod = take_over
    with pytest.raises(InstallerError, match="a: somebody uncordoned the node, removed the annotation"):
        start()
    assert world.cordoned() == ["a"]


def test_nodes_left_by_another_run_count_for_the_wave(world: World, grow: Grow, start: Start) -> None:
    grow(*"abcdef")
    mark = {"run": "earlier", "installer": "nvidia-installer-debian-13-550", "cordoned": True, "labels": {}}
    for name in "ef":
        world.nodes[name] = node(name, cordoned=True, mark=mark)
    start(wave="2")
    assert set(world.revision_of().values()) == {NEW}
    assert world.most_cordoned <= 2
    assert all(world.is_clean(name) for name in "abcdef")
