"""The next step of a node: jobs and other people's nodes are left alone, and only a ready driver ends it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.rollout.model import User
from lifecycle.rollout.next_step import BEFORE, REPLACING, Aim, Look, Step, is_final, next_step
from tests.support.builders.fleets import NEW, OLD, a_failure, a_mark, a_node, a_pod

AIM = Aim(run="run", revision=NEW)
TAKEN = replace(AIM, taken=True)
REPLACED = replace(TAKEN, deleted=frozenset({"old"}))
OURS = a_node(cordoned=True, mark=a_mark())
JOB = User(namespace="default", name="job", uid="u", why="nvidia.com/gpu: 1")

nodes = st.one_of(
    st.none(),
    st.builds(
        a_node,
        cordoned=st.booleans(),
        mark=st.sampled_from([None, a_mark("run"), a_mark("other"), a_mark("run", cordoned=False)]),
    ),
)
pods = st.lists(
    st.builds(
        a_pod,
        st.sampled_from([OLD, NEW, "third"]),
        uid=st.sampled_from(["a", "b", "c"]),
        ready=st.booleans(),
        ending=st.booleans(),
        failure=st.sampled_from([None, a_failure(10), a_failure(21)]),
    ),
    max_size=3,
).map(tuple)
looks = st.builds(
    Look,
    node=nodes,
    pods=pods,
    users=st.sampled_from([(), (JOB,)]),
    leaving=st.sampled_from([(), ("default/exporter",)]),
)
aims = st.builds(
    Aim,
    run=st.just("run"),
    revision=st.just(NEW),
    taken=st.booleans(),
    deleted=st.frozensets(st.sampled_from(["a", "b"])),
    failing=st.sampled_from([0.0, 3600.0]),
)


@given(looks, aims)
def test_a_pod_is_replaced_only_on_an_idle_node_of_this_run(look: Look, aim: Aim) -> None:
    if next_step(look, aim) is Step.REPLACE:
        assert look.node
        assert look.node.cordoned
        assert look.node.mark
        assert look.node.mark.run == aim.run
        assert not look.users
        assert not look.leaving
        new = [pod for pod in look.pods if not pod.ending and pod.revision == aim.revision]
        assert not new or (new[0].failure and not aim.deleted)


@given(looks, aims)
def test_only_a_ready_pod_of_the_newest_template_ends_a_node(look: Look, aim: Aim) -> None:
    if next_step(look, aim) is Step.FINISH:
        assert any(pod.ready and pod.revision == aim.revision for pod in look.pods)
        assert look.node
        assert look.node.mark == a_mark(aim.run, cordoned=look.node.mark.cordoned if look.node.mark else True)


@given(looks, aims)
def test_a_node_is_cordoned_once(look: Look, aim: Aim) -> None:
    if next_step(look, aim) is Step.CORDON:
        assert not aim.taken


@given(looks, aims)
def test_no_pod_but_an_old_one_is_deleted_by_a_run_twice(look: Look, aim: Aim) -> None:
    if next_step(look, aim) is Step.REPLACE and aim.deleted:
        assert next(pod for pod in look.pods if not pod.ending).uid in aim.deleted


@pytest.mark.parametrize(
    ("look", "aim", "step"),
    [
        (Look(node=None), AIM, Step.GONE),
        (Look(node=a_node(), pods=(a_pod(OLD),)), AIM, Step.CORDON),
        (Look(node=a_node(cordoned=True, mark=a_mark("earlier")), pods=(a_pod(NEW),)), AIM, Step.CORDON),
        (Look(node=OURS, pods=(a_pod(OLD),), users=(JOB,)), TAKEN, Step.WAIT_FOR_JOBS),
        (Look(node=OURS, pods=(a_pod(OLD),), leaving=("x/y",)), TAKEN, Step.WAIT_FOR_OTHERS),
        (Look(node=OURS, pods=(a_pod(OLD),)), TAKEN, Step.REPLACE),
        (Look(node=OURS, pods=(a_pod(OLD, failure=a_failure()),)), TAKEN, Step.REPLACE),
        (Look(node=OURS, pods=(a_pod(OLD, ending=True),)), TAKEN, Step.WAIT_FOR_END),
        (Look(node=OURS), TAKEN, Step.WAIT_FOR_POD),
        (Look(node=OURS, pods=(a_pod(NEW),)), TAKEN, Step.WAIT_FOR_READY),
        (Look(node=OURS, pods=(a_pod(NEW, ready=True), a_pod(OLD, uid="x", ending=True))), TAKEN, Step.FINISH),
        (Look(node=OURS, pods=(a_pod(NEW, failure=a_failure(10)),)), REPLACED, Step.FAILED),
        (Look(node=OURS, pods=(a_pod(NEW, failure=a_failure(21)),)), REPLACED, Step.WAIT_FOR_READY),
        # An earlier run has left the pod, and its cause may be mended.
        (Look(node=OURS, pods=(a_pod(NEW, failure=a_failure(10)),)), TAKEN, Step.REPLACE),
        (Look(node=OURS, pods=(a_pod(NEW, failure=a_failure(10)),), users=(JOB,)), TAKEN, Step.WAIT_FOR_JOBS),
        (Look(node=OURS, pods=(a_pod("third"),)), replace(TAKEN, deleted=frozenset("a")), Step.CHANGED),
        (Look(node=replace(OURS, cordoned=False), pods=(a_pod(OLD),)), TAKEN, Step.LOST),
        (Look(node=replace(OURS, mark=None), pods=(a_pod(OLD),)), TAKEN, Step.LOST),
        (Look(node=replace(OURS, mark=a_mark("later")), pods=(a_pod(OLD),)), TAKEN, Step.LOST),
    ],
)
def test_a_look_has_its_step(look: Look, aim: Aim, step: Step) -> None:
    assert next_step(look, aim) is step


@pytest.mark.parametrize(
    ("code", "reason", "restarts", "seconds", "final"),
    [
        (10, "Error", 0, 0, True),
        (21, "Error", 3, 900, False),
        (21, "Error", 4, 0, True),
        (40, "Error", 0, 0, True),
        (41, "Error", 0, 0, False),
        (137, "OOMKilled", 0, 0, False),
        (None, "ImagePullBackOff", 0, 10, False),
        (None, "ImagePullBackOff", 0, 60, True),
        (None, "InvalidImageName", 0, 0, True),
    ],
)
def test_a_failure_that_may_pass_is_given_time(
    code: int | None, reason: str, restarts: int, seconds: float, final: bool
) -> None:
    assert is_final(a_failure(code, reason, restarts), seconds) is final


def test_no_driver_changes_before_its_replacement() -> None:
    assert not BEFORE & REPLACING
