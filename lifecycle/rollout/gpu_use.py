"""The pods of a node that use its GPUs, and those that are just leaving it. Pure."""

import re
from collections.abc import Iterable

from lifecycle.rollout.model import User
from lifecycle.rollout.objects import Container, Pod

VENDOR = "nvidia.com/"
# A CDI device of NVIDIA's in an annotation: `cdi.k8s.io/…: nvidia.com/gpu=0` (Container Device Interface specification,
# "Kubernetes"; kubelet 1.24 and older, and other device plugins).
_CDI = "cdi.k8s.io/"
# NVIDIA's container runtime gives the GPUs that this variable names (nvidia-container-toolkit, "Environment variables").
_VISIBLE = "NVIDIA_VISIBLE_DEVICES"
_NO_DEVICE = ("", "none", "void")
_FINISHED = ("Succeeded", "Failed")
# The kubelet runs such pods from files of the node; the API only mirrors them.
_MIRROR = "kubernetes.io/config.mirror"
_ZERO = re.compile(r"0+(\.0*)?[a-zA-Z]*")


def gpu_users(pods: Iterable[Pod]) -> tuple[User, ...]:
    """Return the unfinished pods that use a GPU, by name. Pods of DaemonSets do not count: they stay on a cordoned node."""
    found = []
    for pod in pods:
        why = _why(pod)
        if why and pod.status.phase not in _FINISHED and not _is_of_daemonset(pod):
            meta = pod.metadata
            evictable = meta.controller is not None and _MIRROR not in meta.annotations
            found.append(User(namespace=meta.namespace, name=meta.name, uid=meta.uid, why=why, evictable=evictable))
    return tuple(sorted(found, key=str))


def leaving(pods: Iterable[Pod]) -> tuple[str, ...]:
    """Return the pods of DaemonSets that are being deleted, such as a device plugin that gives way to the upgrade."""
    gone = [pod.metadata for pod in pods if _is_of_daemonset(pod) and pod.metadata.deletion_timestamp]
    return tuple(sorted(f"{meta.namespace}/{meta.name}" for meta in gone))


def _is_of_daemonset(pod: Pod) -> bool:
    controller = pod.metadata.controller
    return controller is not None and controller.kind == "DaemonSet"


def _why(pod: Pod) -> str:
    """Return why a pod uses a GPU, or "" if it does not."""
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        why = _asked_by(container)
        if why:
            return why
    for name, value in pod.metadata.annotations.items():
        if name.startswith(_CDI) and any(device.strip().startswith(VENDOR) for device in value.split(",")):
            return f"annotation {name}"
    # The class of a claim is not said here. The node is better left alone once too often.
    return "a resource claim" if pod.spec.resource_claims else ""


def _asked_by(container: Container) -> str:
    resources = {**container.resources.requests, **container.resources.limits}
    for name, quantity in resources.items():
        if name.startswith(VENDOR) and not _ZERO.fullmatch(str(quantity)):
            return f"{name}: {quantity}"
    for variable in container.env:
        if variable.name == _VISIBLE and variable.value not in _NO_DEVICE:
            return f"{_VISIBLE}={variable.value}"
    return ""
