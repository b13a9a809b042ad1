"""Kubernetes' objects of a fleet with one installer, and the models that a rollout makes of them."""

import json
from collections.abc import Mapping
from typing import Any

from lifecycle.rollout.fleet import MARK
from lifecycle.rollout.model import Failure, FleetNode, Installer, InstallerPod, Mark, Member

Json = dict[str, Any]
NAMESPACE = "kube-system"
OLD, NEW = "old-hash", "new-hash"
UID = "set-uid"
_LABELS = {
    "app.kubernetes.io/component": "installer",
    "nvidia-installer/release": "debian-13",
    "nvidia-installer/driver": "550",
}
_DRIVERS = {OLD: "535.309.01", NEW: "550.163.01"}


def node(name: str, *, cordoned: bool = False, ready: bool = True, mark: Mapping[str, object] | None = None) -> Json:
    """Return a node."""
    return {
        "metadata": {
            "name": name,
            "resourceVersion": "1",
            "labels": {"kubernetes.io/os": "linux"},
            "annotations": {MARK: json.dumps(mark)} if mark else {},
        },
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def pod(name: str, on: str, *, revision: str = OLD, owner: str = UID, ready: bool = True, **spec: object) -> Json:
    """Return a pod of the installer."""
    labels = {
        **_LABELS,
        "nvidia-installer/version": _DRIVERS.get(revision, revision),
        "controller-revision-hash": revision,
    }
    return {
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"uid-{name}",
            "labels": labels,
            "ownerReferences": [{"kind": "DaemonSet", "uid": owner, "controller": True}],
        },
        "spec": {"nodeName": on, "containers": [{"name": "driver"}], **spec},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def fail(made: Json, code: int = 10, restarts: int = 0) -> None:
    """Let a pod's init container have failed."""
    made["status"]["conditions"] = []
    ended = {"exitCode": code, "message": "nvidia-installer: wrong kernel\n"}
    made["status"]["initContainerStatuses"] = [
        {"name": "install", "state": {"terminated": ended}, "restartCount": restarts}
    ]


def job(name: str, on: str, *, kind: str = "ReplicaSet", phase: str = "Running", **spec: object) -> Json:
    """Return a pod that requests a GPU; `kind` is its controller's, "" for none."""
    owners = [{"kind": kind, "uid": "owner", "controller": True}] if kind else []
    container = {"name": "job", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    return {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "ownerReferences": owners},
        "spec": {"nodeName": on, "containers": [container], **spec},
        "status": {"phase": phase},
    }


def daemon_set(*, strategy: str = "OnDelete", observed: int = 2) -> Json:
    """Return the installer's DaemonSet, whose second template is the newest."""
    return {
        "metadata": {"name": "nvidia-installer-debian-13-550", "uid": UID, "generation": 2, "labels": _LABELS},
        "spec": {
            "template": {"metadata": {"labels": {**_LABELS, "nvidia-installer/version": _DRIVERS[NEW]}}},
            "updateStrategy": {"type": strategy},
        },
        "status": {"observedGeneration": observed},
    }


def revision(digest: str, number: int) -> Json:
    """Return a ControllerRevision of the DaemonSet."""
    return {
        "metadata": {
            "name": digest,
            "labels": {**_LABELS, "controller-revision-hash": digest},
            "ownerReferences": [{"kind": "DaemonSet", "uid": UID, "controller": True}],
        },
        "revision": number,
    }


INSTALLER = Installer(
    name="nvidia-installer-debian-13-550",
    uid=UID,
    release="debian-13",
    driver="550",
    version=_DRIVERS[NEW],
    revision=NEW,
)


def a_mark(run: str = "run", *, cordoned: bool = True) -> Mark:
    """Return the mark of a run."""
    return Mark(run=run, installer=INSTALLER.name, cordoned=cordoned, labels={})


def a_node(
    name: str = "node", *, cordoned: bool = False, ready: bool = True, leaving: bool = False, mark: Mark | None = None
) -> FleetNode:
    """Return a node as a rollout sees it."""
    return FleetNode(name=name, ready=ready, cordoned=cordoned, leaving=leaving, mark=mark, labels={})


def a_pod(
    revision: str = OLD, *, uid: str = "uid", ready: bool = False, ending: bool = False, failure: Failure | None = None
) -> InstallerPod:
    """Return an installer's pod as a rollout sees it."""
    return InstallerPod(
        name=f"pod-{uid}",
        uid=uid,
        installer=INSTALLER.name,
        node="node",
        revision=revision,
        version=_DRIVERS.get(revision, "?"),
        ready=ready and not ending,
        ending=ending,
        failure=failure,
    )


def a_failure(code: int | None = 10, reason: str = "Error", restarts: int = 0) -> Failure:
    """Return the failure of a container."""
    return Failure(container="install", code=code, reason=reason, message="no", restarts=restarts)


def a_member(fleet_node: FleetNode, fleet_pod: InstallerPod | None, installer: Installer = INSTALLER) -> Member:
    """Return a node of the installer."""
    return Member(node=fleet_node, installer=installer, pod=fleet_pod)


def kubeconfig_for(address: str) -> dict[str, object]:
    """Return a kubeconfig whose only cluster is at an address."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": address}}],
        "users": [{"name": "user", "user": {"token": "t0ken"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user"}}],
        "current-context": "test",
    }
