"""A rollout against an API server: its waves, its selection and its output."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.errors import InstallerError, UsageError
from lifecycle.rollout.fleet import MARK
from lifecycle.rollout.run import Target, parse_labels, poll_seconds, show_status
from tests.support.builders.fleets import NEW, OLD, Json, daemon_set, fail, node, pod, revision
from tests.support.servers.kubernetes_server import Answer, World

Grow = Callable[..., None]
Start = Callable[..., None]


def test_all_old_nodes_are_upgraded_and_nothing_is_left_on_them(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b", "c")
    grow("done", revision=NEW)
    start()
    assert set(world.revision_of().values()) == {NEW}
    assert all(world.is_clean(name) for name in "abc")
    # A node with the newest driver is not touched.
    assert not [path for method, path in world.requests if "done" in path and method != "GET"]


@pytest.mark.parametrize(("wave", "most"), [("1", 1), ("3", 3), ("50%", 4), ("100%", 8)])
def test_no_more_nodes_than_a_wave_are_cordoned(world: World, grow: Grow, start: Start, wave: str, most: int) -> None:
    grow(*"abcdefgh")
    start(wave=wave)
    assert set(world.revision_of().values()) == {NEW}
    assert 0 < world.most_cordoned <= most


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


def test_old_nodes_that_were_skipped_make_the_exit_code_1(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b")
    world.nodes["b"] = node("b", ready=False)
    with pytest.raises(InstallerError, match="1 node still has an old driver\n  b: the node is not ready") as caught:
        start()
    assert (caught.value.exit_code, world.revision_of()) == (1, {"a": NEW, "b": OLD})


def test_a_rolling_update_is_left_to_kubernetes(world: World, grow: Grow, start: Start) -> None:
    world.sets["set"] = daemon_set(strategy="RollingUpdate")
    grow("a")
    with pytest.raises(InstallerError, match="updateStrategy RollingUpdate"):
        start()
    assert world.revision_of() == {"a": OLD}


def test_missing_rights_are_named_before_anything_changes(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.denied = {"patch nodes", "delete pods"}
    said = "may not patch nodes in the whole cluster, nor delete pods in the namespace kube-system: grant it"
    with pytest.raises(InstallerError, match=said):
        start()
    assert world.is_clean("a")


def test_a_template_that_kubernetes_has_not_seen_is_waited_for(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.sets["set"] = daemon_set(observed=2)
    unseen: Answer = (200, {"items": [daemon_set(observed=1)]}, {})
    world.instead.extend([unseen, (200, {"items": [revision(OLD, 1)]}, {})])
    start()
    assert world.revision_of() == {"a": NEW}


def test_a_template_that_stays_unseen_leaves_the_nodes_alone(world: World, grow: Grow, start: Start) -> None:
    grow("a")
    world.sets["set"] = daemon_set(observed=1)
    with pytest.raises(InstallerError, match="Kubernetes has not yet seen the new template"):
        start()
    assert world.is_clean("a")


def test_a_selector_limits_the_nodes(world: World, grow: Grow, start: Start) -> None:
    grow("a", "b")
    world.nodes["b"]["metadata"]["labels"]["pool"] = "a100"
    start(selector="pool=a100")
    assert world.revision_of() == {"a": OLD, "b": NEW}


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
