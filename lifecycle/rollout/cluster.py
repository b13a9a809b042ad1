"""The requests of a rollout: looks at the fleet and at one node, and the changes of a node and its pods."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from lifecycle.errors import InstallerError, UsageError
from lifecycle.rollout.api import Api, ApiError, ForbiddenError, Right
from lifecycle.rollout.fleet import (
    COMPONENT,
    MARK,
    members,
    read_installers,
    read_node,
    read_pod,
    read_pods,
    write_mark,
)
from lifecycle.rollout.gpu_use import gpu_users, leaving
from lifecycle.rollout.model import FleetNode, Installer, InstallerPod, Mark, Member, User
from lifecycle.rollout.next_step import Look
from lifecycle.rollout.objects import DAEMON_SETS, NODES, PODS, REVISIONS, Node

_BAD_REQUEST, _NOT_FOUND, _CONFLICT, _TOO_MANY = 400, 404, 409, 429
# Every user who is signed in may ask this about himself (Kubernetes documentation, "Authorization").
_REVIEW = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
_Read = TypeVar("_Read")


class BadSelectorError(UsageError):
    """A selector of nodes that the API server does not understand."""

    def __init__(self, selector: str, said: str) -> None:
        super().__init__(
            f"--selector={selector} is no label selector ({said}): write it as for kubectl, such as pool=a100"
        )


class UnexpectedObjectError(InstallerError):
    """An object of the API that is not as its reference says."""

    def __init__(self, right: Right, error: ValidationError) -> None:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        super().__init__(f"the API server's answer to: {right} cannot be read: {where}: {first['msg']}")


class Cluster:
    """A cluster with the chart's installers in one namespace. All methods raise ApiError, UnexpectedObjectError."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self._eviction = ""

    def installers(self) -> tuple[Installer, ...]:
        """Return the installers of the namespace."""
        sets = self._list(DAEMON_SETS, "daemonsets", "apis/apps/v1", "apps", COMPONENT)
        revisions = self._list(REVISIONS, "controllerrevisions", "apis/apps/v1", "apps", COMPONENT)
        return read_installers(sets, revisions)

    def fleet(self, installers: Sequence[Installer], selector: str) -> tuple[Member, ...]:
        """Return the nodes of installers that a label selector matches; "" matches all. Raises BadSelectorError."""
        listed = self._list(PODS, "pods", "api/v1", "", COMPONENT)
        pods = read_pods(listed, installers)
        right = Right("list", "nodes")
        try:
            nodes = self.api.list_all("/api/v1/nodes", right, {"labelSelector": selector} if selector else {})
        except ApiError as error:
            if selector and error.status == _BAD_REQUEST:
                raise BadSelectorError(selector, error.details.strip()) from error
            raise
        found = _valid(NODES, nodes, right)
        return members([read_node(node) for node in found], installers, pods)

    def _list(self, kind: TypeAdapter[_Read], resource: str, api: str, group: str, selector: str) -> _Read:
        right = Right("list", resource, self.namespace, group)
        path = f"/{api}/namespaces/{self.namespace}/{resource}"
        return _valid(kind, self.api.list_all(path, right, {"labelSelector": selector}), right)

    def check_rights(self) -> None:
        """Check that this user may do all that an upgrade does, before anything changes. Raises ForbiddenError.

        Evictions are not asked for: a user may have that right in some namespaces only.
        """
        rights = [Right("get", "nodes"), Right("patch", "nodes"), Right("list", "pods")]
        missing = [right for right in (*rights, Right("delete", "pods", self.namespace)) if not self._may(right)]
        if missing:
            raise ForbiddenError(missing, "")

    def _may(self, right: Right) -> bool:
        attributes = {"verb": right.verb, "resource": right.resource, "namespace": right.namespace}
        body = {**_REVIEW, "spec": {"resourceAttributes": attributes}}
        answer = self.api.create(f"/apis/{_REVIEW['apiVersion']}/selfsubjectaccessreviews", right, body)
        return (answer.get("status") or {}).get("allowed") is True

    def look(self, name: str, installer: Installer) -> Look:
        """Return what a node looks like now: its pods of all namespaces included."""
        try:
            right = Right("get", "nodes")
            node = _valid(TypeAdapter(Node), self.api.get(f"/api/v1/nodes/{name}", right), right)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return Look(node=None)
            raise
        right = Right("list", "pods")
        listed = self.api.list_all("/api/v1/pods", right, {"fieldSelector": f"spec.nodeName={name}"})
        pods = _valid(PODS, listed, right)
        own = [pod for pod in pods if pod.metadata.controller and pod.metadata.controller.uid == installer.uid]
        return Look(
            node=read_node(node),
            pods=tuple(read_pod(pod, installer.name) for pod in own),
            users=gpu_users(pods),
            leaving=leaving(pod for pod in pods if pod not in own),
        )

    def take(self, node: FleetNode, mark: Mark, pause: Mapping[str, str]) -> bool:
        """Cordon a node, mark it and set its paused labels; return False if it has changed since the look."""
        labels = {**pause, MARK: "upgrading"}
        return self._patch(node, {"annotations": {MARK: write_mark(mark)}, "labels": labels}, {"unschedulable": True})

    def give_back(self, node: FleetNode, mark: Mark) -> bool:
        """Remove the mark, restore the labels, and uncordon the node if a rollout cordoned it; False if it has changed."""
        metadata = {"annotations": {MARK: None}, "labels": {**mark.labels, MARK: None}}
        return self._patch(node, metadata, {"unschedulable": None} if mark.cordoned else {})

    def _patch(self, node: FleetNode, metadata: Mapping[str, object], spec: Mapping[str, object]) -> bool:
        body = {"metadata": {**metadata, "resourceVersion": node.version}, "spec": spec}
        return self.api.patch(f"/api/v1/nodes/{node.name}", Right("patch", "nodes"), body)

    def delete(self, pod: InstallerPod) -> None:
        """Delete an installer's pod, with its grace period; another pod of that name stays."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod.name}"
        self.api.delete(path, Right("delete", "pods", self.namespace), {"preconditions": {"uid": pod.uid}})

    def evict(self, user: User) -> str:
        """Evict a pod; return "", or why it has to wait: the words of its PodDisruptionBudget."""
        body = {
            "apiVersion": self._eviction_version(),
            "kind": "Eviction",
            "metadata": {"name": user.name, "namespace": user.namespace},
            "deleteOptions": {"preconditions": {"uid": user.uid}},
        }
        path = f"/api/v1/namespaces/{user.namespace}/pods/{user.name}/eviction"
        try:
            self.api.create(path, Right("create", "pods/eviction", user.namespace), body)
        except ApiError as error:
            if error.status == _TOO_MANY:
                return error.details.strip()
            # The pod has ended meanwhile, or another one has its name.
            if error.status not in (_NOT_FOUND, _CONFLICT):
                raise
        return ""

    def _eviction_version(self) -> str:
        """Return the version of evictions that the API server has: policy/v1 since Kubernetes 1.22, policy/v1beta1 before."""
        if not self._eviction:
            resources = self.api.get("/api/v1", Right("get", "/api/v1")).get("resources") or []
            found = next((dict(entry) for entry in resources if entry.get("name") == "pods/eviction"), {})
            self._eviction = f"{found.get('group', 'policy')}/{found.get('version', 'v1')}"
        return self._eviction


def _valid(kind: TypeAdapter[_Read], found: Any, right: Right) -> _Read:  # noqa: ANN401 - JSON
    try:
        return kind.validate_python(found)
    except ValidationError as error:
        raise UnexpectedObjectError(right, error) from error
