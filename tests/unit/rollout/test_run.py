"""A rollout against an API server: waves, failures, signals, and what is left on the nodes."""

import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lifecycle.errors import EXIT_INTERRUPTED, InstallerError, UsageError
from lifecycle.rollout import run
from lifecycle.rollout.fleet import MARK
from lifecycle.rollout.run import Options, Target, parse_labels, poll_seconds, show_rollout, show_status
from tests.support.builders.fleets import NEW, OLD, Json, daemon_set, job, node, pod, revision
from tests.support.servers.kubernetes_server import World

DEFAULTS = Options(
    wave="1", evict=False, pause_labels="", drain_timeout="1h", ready_timeout="15m", dry_run=False, as_json=False
)
Grow = Callable[..., None]
Start = Callable[..., None]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_POLL", 0.01)
    monkeypatch.setattr(run, "_LOOKS_PER_SECOND", 10000)


@pytest.fixture
def start(kubeconfig: Path) -> Start:
    """Run a rollout over the cluster; words are options."""

    def begin(selector: str = "", **options: Any) -> None:  # noqa: ANN401 - the fields of Options
        target = Target(namespace="kube-system", kubeconfig=str(kubeconfig), selector=selector)
        show_rollout(target, replace(DEFAULTS, **options), {})

    return begin


def fail(made: Json, code: int = 10, restarts: int = 0) -> None:
    """Let a new pod's init container fail."""
    made["status"]["conditions"] = []
    ended = {"exitCode": code, "message": "nvidia-installer: wrong kernel\n"}
    made["status"]["initContainerStatuses"] = [
        {"name": "install", "state": {"terminated": ended}, "restartCount": restarts}
    ]


def is_clean(world: World, name: str) -> bool:
    found = world.nodes[name]
    return (
        not found["spec"] and MARK not in found["metadata"]["annotations"] and MARK not in found["metadata"]["labels"]
    )


def revisions(world: World) -> dict[str, str]:
    return {
        p["spec"]["nodeName"]: p["metadata"]["labels"]["controller-revision-hash"]
        for p in world.pods.values()
        if "labels" in p["metadata"]
    }


def test_all_old_nodes_are_upgraded_and_nothing_is_left_on_them(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b", "c")
    grow("done", revision=NEW)
    start()
    assert set(revisions(world).values()) == {NEW}
    assert all(is_clean(world, name) for name in "abc")
    # A node with the newest driver is not touched.
    assert not [path for method, path in world.requests if "done" in path and method != "GET"]


@pytest.mark.parametrize(("wave", "most"), [("1", 1), ("3", 3), ("50%", 4), ("100%", 8)])
def test_no_more_nodes_than_a_wave_are_cordoned(world: World, grow: Grow, start: Start, wave: str, most: int) -> None:
    grow(*"abcdefgh")
    start(wave=wave)
    assert set(revisions(world).values()) == {NEW}
    assert 0 < world.most_cordoned <= most


def test_nodes_left_by_another_run_count_for_the_wave(world: World, grow: Grow, start: Start) -> None:
    grow(*"abcdef")
    mark = {"run": "earlier", "installer": "nvidia-installer-debian-13-550", "cordoned": True, "labels": {}}
    for name in "ef":
        world.nodes[name] = node(name, cordoned=True, mark=mark)
    start(wave="2")
    assert set(revisions(world).values()) == {NEW}
    assert world.most_cordoned <= 2
    assert all(is_clean(world, name) for name in "abcdef")


def test_a_dry_run_and_the_status_only_read(
    world: World, grow: Grow, start: Start, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grow("a", "b")
    start(dry_run=True)
    show_status(Target(namespace="kube-system", kubeconfig=str(kubeconfig)), {}, as_json=False)
    out = capsys.readouterr().out
    assert "2 nodes to upgrade in 2 waves of at most 1 node; 0 up to date; 0 skipped" in out
    assert {method for method, _ in world.requests} == {"GET"}
    # They need the right to list, and not the right to get a node.
    assert not world.made("GET", "/nodes/")


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
    assert revisions(world) == {"a": NEW}


def test_a_job_that_does_not_end_stops_the_rollout(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b")
    world.pods["job"] = job("job", "a")
    with pytest.raises(InstallerError) as caught:
        start(drain_timeout="1s")
    said = str(caught.value)
    assert "a: wait for GPU pods: after 1 s there are still default/job (nvidia.com/gpu: 1)" in said
    assert "left, not begun: 1 node: b" in said
    assert "still cordoned by the rollout: a (wait for GPU pods)" in said
    assert revisions(world) == {"a": OLD, "b": OLD}
    assert is_clean(world, "b")


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
    assert revisions(world) == {"a": NEW}


def test_without_the_option_nothing_is_evicted(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.pods["job"] = job("job", "a")
    with pytest.raises(InstallerError):
        start(drain_timeout="1s")
    assert not world.made("POST", "eviction")


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
    assert (world.cordoned(), revisions(world)["c"]) == (["b"], OLD)


def test_the_next_run_goes_on_with_the_node_that_failed(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b", "c")
    world.on_new_pod = lambda made: fail(made) if made["spec"]["nodeName"] == "b" else None
    with pytest.raises(InstallerError):
        start()
    world.requests.clear()
    world.on_new_pod = lambda made: None
    world.revisions["third"] = revision("third", 3)
    start()
    assert set(revisions(world).values()) == {"third"}
    assert all(is_clean(world, name) for name in "abc")
    assert "/nodes/b" in world.made("PATCH", "")[0]


def test_a_wave_mate_that_waits_for_jobs_is_given_back_after_a_failure(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b")
    world.pods["job"] = job("job", "b")
    world.on_new_pod = fail
    with pytest.raises(InstallerError, match="given back with their old driver: 1 node: b"):
        start(wave="2")
    assert is_clean(world, "b")
    assert world.cordoned() == ["a"]


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
    assert set(revisions(world).values()) == {NEW}
    assert is_clean(world, "a")


def _wait_for(look: Callable[[], object]) -> None:
    done = threading.Event()
    while not look():
        done.wait(0.005)


def test_a_node_that_somebody_cordoned_stays_cordoned(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.nodes["a"] = node("a", cordoned=True)
    start()
    assert (world.cordoned(), revisions(world)) == (["a"], {"a": NEW})
    assert MARK not in world.nodes["a"]["metadata"]["annotations"]


def test_paused_labels_are_restored(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.nodes["a"]["metadata"]["labels"]["deploy.dcgm"] = "true"
    seen = {}
    world.on_new_pod = lambda made: seen.update(world.nodes["a"]["metadata"]["labels"])
    start(pause_labels="deploy.dcgm=paused,deploy.plugin=paused")
    assert (seen["deploy.dcgm"], seen["deploy.plugin"], seen[MARK]) == ("paused", "paused", "upgrading")
    assert world.nodes["a"]["metadata"]["labels"] == {"kubernetes.io/os": "linux", "deploy.dcgm": "true"}


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
    assert revisions(world)["b"] == NEW


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
    assert is_clean(world, "a")


def test_old_nodes_that_were_skipped_make_the_exit_code_1(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b")
    world.nodes["b"] = node("b", ready=False)
    with pytest.raises(InstallerError, match="1 node still has an old driver\n  b: the node is not ready") as caught:
        start()
    assert (caught.value.exit_code, revisions(world)) == (1, {"a": NEW, "b": OLD})


def test_a_rolling_update_is_left_to_kubernetes(world: World, grow: Grow, start: Start) -> None:
    world.sets["set"] = daemon_set(strategy="RollingUpdate")
    grow("a")
    with pytest.raises(InstallerError, match="updateStrategy RollingUpdate"):
        start()
    assert revisions(world) == {"a": OLD}


def test_a_selector_limits_the_nodes(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b")
    world.nodes["b"]["metadata"]["labels"]["pool"] = "a100"
    start(selector="pool=a100")
    assert revisions(world) == {"a": OLD, "b": NEW}


def test_a_selector_that_is_none_is_one_sentence(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    lists: list[Json] = [daemon_set(), revision(NEW, 2), pod("p", "a")]
    world.instead.extend((200, {"items": [found]}, {}) for found in lists)
    world.instead.append((400, {"message": "unable to parse requirement"}, {}))
    with pytest.raises(UsageError, match="--selector=a=b=c is no label selector"):
        start(selector="a=b=c")


def test_json_lists_the_end_of_each_node(
    world: World, grow: Grow, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    grow("a", "b")
    world.on_new_pod = fail
    with pytest.raises(InstallerError):
        start(as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert [(entry["node"], entry["outcome"], entry["held"]) for entry in found] == [
        ("a", "failed", True),
        ("b", "left", False),
    ]


def test_labels_are_read_from_one_word() -> None:
    assert parse_labels("a.io/b=c, d=") == {"a.io/b": "c", "d": ""}


@pytest.mark.parametrize("text", ["a", "=b", "a=b=c", "a b=c", f"{MARK}=x"])
def test_another_word_is_no_label(text: str) -> None:
    with pytest.raises(UsageError, match=r"--pause-labels: .* is no label"):
        parse_labels(text)


def test_many_nodes_are_looked_at_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert (poll_seconds(1), poll_seconds(200)) == (3.0, 20.0)
