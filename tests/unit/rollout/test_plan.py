"""The waves of a rollout: the right nodes, in the right order, never too many."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import UsageError
from lifecycle.rollout.model import Member
from lifecycle.rollout.plan import WaveSize, make_plan, seconds_of, select
from tests.support.builders.fleets import INSTALLER, NEW, OLD, a_failure, a_mark, a_member, a_node, a_pod

ONE = WaveSize(1)


@st.composite
def fleets(draw: st.DrawFn) -> list[Member]:
    """Draw a fleet of up to 30 nodes in any state."""
    found = []
    for number in range(draw(st.integers(0, 30))):
        mark = draw(st.sampled_from([None, None, None, a_mark("earlier")]))
        cordoned, ready, leaving = (draw(st.booleans()) for _ in range(3))
        node = a_node(f"node-{number:02}", cordoned=cordoned, ready=ready, leaving=leaving, mark=mark)
        pod = draw(
            st.sampled_from(
                [None, a_pod(OLD, ready=True), a_pod(OLD), a_pod(NEW, ready=True), a_pod(NEW, failure=a_failure())]
            )
        )
        on_delete = draw(st.sampled_from([True, True, False]))
        found.append(a_member(node, pod, replace(INSTALLER, on_delete=on_delete)))
    return found


sizes = st.one_of(st.builds(WaveSize, st.integers(1, 40)), st.builds(WaveSize, st.integers(1, 100), st.just(True)))


@given(fleets(), sizes)
def test_each_node_is_in_one_wave_or_skipped_or_up_to_date(fleet: list[Member], size: WaveSize) -> None:
    plan = make_plan(fleet, size)
    named = [node.node for node in plan.nodes] + [skip.node for skip in plan.skipped]
    assert len(named) == len(set(named)) == len(fleet) - plan.current


@given(fleets(), sizes)
def test_no_wave_is_larger_than_asked_for(fleet: list[Member], size: WaveSize) -> None:
    plan = make_plan(fleet, size)
    assert all(1 <= len(wave) <= plan.size for wave in plan.waves)
    assert plan.size == size.count or (size.percent and plan.size <= max(1, len(fleet) * size.count / 100))


@given(fleets(), sizes)
def test_nodes_that_a_rollout_has_begun_with_come_first(fleet: list[Member], size: WaveSize) -> None:
    begun = [node.begun for node in make_plan(fleet, size).nodes]
    assert begun == sorted(begun, reverse=True)


@given(fleets(), sizes)
def test_a_node_with_the_newest_driver_is_not_touched(fleet: list[Member], size: WaveSize) -> None:
    done = {m.node.name for m in fleet if m.pod and m.pod.revision == NEW and m.node.mark is None}
    assert done.isdisjoint(node.node for node in make_plan(fleet, size).nodes)


@given(fleets(), sizes)
def test_an_old_driver_is_planned_or_skipped_as_outdated(fleet: list[Member], size: WaveSize) -> None:
    plan = make_plan(fleet, size)
    old = {m.node.name for m in fleet if m.is_old or m.node.mark}
    assert old == {node.node for node in plan.nodes} | {skip.node for skip in plan.skipped if skip.outdated}


@pytest.mark.parametrize(
    ("text", "nodes", "size"), [("3", 100, 3), ("10%", 100, 10), ("10%", 19, 1), ("10%", 5, 1), ("100%", 7, 7)]
)
def test_a_share_is_rounded_down_and_at_least_one(text: str, nodes: int, size: int) -> None:
    assert WaveSize.parse(text).of(nodes) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "0%", "101%", "1.5", "10 %", "all", "٣"])
def test_another_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--wave=.*such as 3"):
        WaveSize.parse(text)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("12h", 43200), ("2d", 172800)])
def test_a_duration_has_a_unit(text: str, seconds: float) -> None:
    assert seconds_of("--drain-timeout", text) == seconds


@pytest.mark.parametrize("text", ["", "90", "1.5h", "0s", "h"])
def test_another_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--drain-timeout="):
        seconds_of("--drain-timeout", text)


@pytest.mark.parametrize(
    ("only", "labels"),
    [
        ("", ["debian-13/550", "debian-13/570", "gardenlinux-1592.10/550"]),
        ("550", ["debian-13/550", "gardenlinux-1592.10/550"]),
        ("debian-13", ["debian-13/550", "debian-13/570"]),
        ("debian-13/570, gardenlinux-*", ["debian-13/570", "gardenlinux-1592.10/550"]),
        ("*/57?", ["debian-13/570"]),
        ("/570", ["debian-13/570"]),
    ],
)
def test_installers_are_selected_by_release_and_driver(only: str, labels: list[str]) -> None:
    pairs = [("debian-13", "550"), ("debian-13", "570"), ("gardenlinux-1592.10", "550")]
    installers = [replace(INSTALLER, release=release, driver=driver) for release, driver in pairs]
    assert [found.label for found in select(installers, only, "kube-system")] == labels


def test_a_selection_of_nothing_names_what_there_is() -> None:
    with pytest.raises(UsageError, match="--only=999 matches no installer: choose from debian-13/550"):
        select([INSTALLER], "999", "kube-system")


def test_a_namespace_without_installers_is_named() -> None:
    with pytest.raises(UsageError, match="--namespace=gpu has no installer"):
        select([], "", "gpu")


@pytest.mark.parametrize(
    ("member", "reason", "outdated"),
    [
        (a_member(a_node(ready=False), a_pod(OLD)), "the node is not ready", True),
        (a_member(a_node(leaving=True), a_pod(OLD)), "the node is being deleted", True),
        (a_member(a_node(), a_pod(OLD), replace(INSTALLER, on_delete=False)), "updateStrategy RollingUpdate", True),
        (a_member(a_node(), a_pod(OLD), replace(INSTALLER, revision="")), "has not yet seen the new template", True),
        (replace(a_member(a_node(), a_pod(OLD)), others=1), "pods of several installers", True),
        (a_member(a_node(), a_pod(NEW, failure=a_failure())), "not ready: install ended with 10: no", False),
    ],
)
def test_a_skipped_node_has_its_reason(member: Member, reason: str, outdated: bool) -> None:
    (skip,) = make_plan([member], ONE).skipped
    assert reason in skip.reason
    assert skip.outdated is outdated


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (a_member(a_node(), a_pod(OLD)), "driver 535.309.01 → 550.163.01"),
        (a_member(a_node(), replace(a_pod(OLD), version="550.163.01")), "driver 550.163.01 with other settings"),
        (a_member(a_node(cordoned=True), a_pod(OLD)), "somebody cordoned it, and it stays so"),
        (a_member(a_node(mark=a_mark()), None), "a rollout has begun with it; it has no pod"),
        (a_member(a_node(mark=a_mark()), a_pod(NEW)), "a rollout has begun with it; its new pod is not ready"),
    ],
)
def test_a_planned_node_has_its_reason(member: Member, reason: str) -> None:
    (planned,) = make_plan([member], ONE).nodes
    assert reason in planned.reason
