"""The fleet that Kubernetes' objects describe."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.rollout.fleet import members, read_installers, read_mark, read_node, read_pod, read_pods, write_mark
from lifecycle.rollout.model import Mark, State
from lifecycle.rollout.objects import ControllerRevision, DaemonSet, Node, Pod
from tests.support.builders.fleets import INSTALLER, NEW, OLD, Json, daemon_set, node, pod, revision


def installers(found: Json, *revisions: Json) -> tuple[Any, ...]:
    return read_installers([DaemonSet.model_validate(found)], map(ControllerRevision.model_validate, revisions))


def failing(**status: Any) -> Json:  # noqa: ANN401 - parts of a status
    found = pod("p", "node", revision=NEW, ready=False)
    found["status"]["initContainerStatuses"] = [{"name": "install", **status}]
    return found


def failure_of(found: Json) -> str:
    return str(read_pod(Pod.model_validate(found), "installer").failure)


def test_the_revision_with_the_highest_number_is_the_newest() -> None:
    assert installers(daemon_set(), revision(NEW, 10), revision(OLD, 9)) == (INSTALLER,)


def test_a_template_that_the_controller_has_not_seen_has_no_revision() -> None:
    (found,) = installers(daemon_set(observed=1), revision(OLD, 1))
    assert found.revision == ""


def test_a_revision_of_another_daemonset_does_not_count() -> None:
    other = revision("other", 99)
    other["metadata"]["ownerReferences"][0]["uid"] = "other"
    assert installers(daemon_set(), revision(NEW, 2), other) == (INSTALLER,)


def test_a_daemonset_of_another_project_is_no_installer() -> None:
    found = daemon_set()
    found["spec"]["template"]["metadata"]["labels"] = {"app.kubernetes.io/component": "installer"}
    assert installers(found, revision(NEW, 2)) == ()


def test_a_message_is_the_installers_last_line() -> None:
    ended = {"exitCode": 10, "reason": "Error", "message": "modinfo: x\nnvidia-installer: the node runs 6.1\x1b[31m\n"}
    assert failure_of(failing(state={"terminated": ended})) == "install ended with 10: the node runs 6.1[31m"


def test_a_container_between_two_attempts_says_how_the_last_one_ended() -> None:
    last = {"terminated": {"exitCode": 21, "message": "in use"}}
    found = failing(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=last, restartCount=2)
    assert failure_of(found) == "install ended with 21: in use"


def test_a_container_that_runs_again_has_not_failed_yet() -> None:
    last = {"terminated": {"exitCode": 21, "message": "in use"}}
    assert failure_of(failing(state={"running": {"startedAt": "x"}}, lastState=last)) == "None"


def test_an_image_that_cannot_be_pulled_is_a_failure() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    assert failure_of(failing(state={"waiting": waiting})) == "install cannot start (ImagePullBackOff): no such image"


@pytest.mark.parametrize("reason", ["PodInitializing", "ContainerCreating"])
def test_a_container_that_is_being_made_is_no_failure(reason: str) -> None:
    assert failure_of(failing(state={"waiting": {"reason": reason}})) == "None"


def test_an_evicted_installer_is_a_failure() -> None:
    found = pod("p", "node", ready=False)
    found["status"].update(phase="Failed", reason="Evicted", message="disk pressure")
    assert failure_of(found) == "the pod cannot start (Evicted): disk pressure"


@given(
    st.builds(
        Mark,
        run=st.text(),
        installer=st.text(),
        cordoned=st.booleans(),
        labels=st.dictionaries(st.text(), st.none() | st.text()),
    )
)
def test_a_mark_is_read_as_it_was_written(mark: Mark) -> None:
    assert read_mark({"nvidia-installer/rollout": write_mark(mark)}) == mark


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"x"', '{"run": "a"}', '{"run":"a","installer":"b","cordoned":1,"labels":3}']
)
def test_a_mark_that_nobody_can_read_is_none(text: str) -> None:
    assert read_mark({"nvidia-installer/rollout": text}) is None


def test_a_pod_that_is_being_deleted_gives_way_to_its_successor() -> None:
    going, new = pod("z-old", "node"), pod("b-new", "node", revision=NEW)
    going["metadata"]["deletionTimestamp"] = "2026-11-28T12:00:00Z"
    for order in ([going, new], [new, going]):
        pods = read_pods(map(Pod.model_validate, order), [INSTALLER])
        (member,) = members([read_node(Node.model_validate(node("node")))], [INSTALLER], pods)
        assert member.state is State.CURRENT


def test_a_node_that_a_rollout_left_without_a_pod_is_a_member() -> None:
    mark = {"run": "r", "installer": INSTALLER.name, "cordoned": True, "labels": {}}
    nodes = [read_node(Node.model_validate(found)) for found in (node("bare"), node("marked", mark=mark))]
    assert [member.node.name for member in members(nodes, [INSTALLER], [])] == ["marked"]
