"""The pods that hold up an upgrade: those that may use a GPU, and no others."""

from typing import Any

import pytest

from lifecycle.rollout.gpu_use import gpu_users, leaving
from lifecycle.rollout.objects import Pod
from tests.support.builders.fleets import Json, job, pod


def users(found: Json) -> list[str]:
    return [f"{user} {user.why} {user.evictable}" for user in gpu_users([Pod.model_validate(found)])]


def with_container(**container: Any) -> Json:  # noqa: ANN401 - parts of a container
    return {**job("job", "node"), "spec": {"nodeName": "node", "containers": [{"name": "c", **container}]}}


@pytest.mark.parametrize(
    "container",
    [
        {"resources": {"limits": {"nvidia.com/gpu": "1"}}},
        {"resources": {"requests": {"nvidia.com/gpu": 2}}},
        {"resources": {"limits": {"nvidia.com/mig-1g.10gb": "1"}}},
        {"resources": {"limits": {"nvidia.com/gpu.shared": "10"}}},
        {"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]},
    ],
)
def test_a_container_that_asks_for_a_gpu_uses_one(container: Json) -> None:
    assert len(users(with_container(**container))) == 1


@pytest.mark.parametrize(
    "container",
    [
        {},
        {"resources": {"limits": {"nvidia.com/gpu": "0"}}},
        {"resources": {"limits": {"amd.com/gpu": "1", "cpu": "1"}}},
        {"resources": {"limits": {"example.org/nvidia.com": "1"}}},
        {"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}]},
        {"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]},
    ],
)
def test_another_container_uses_none(container: Json) -> None:
    assert users(with_container(**container)) == []


@pytest.mark.parametrize(
    ("value", "count"),
    [("nvidia.com/gpu=0", 1), ("vendor.com/net=a, nvidia.com/gpu=all", 1), ("vendor.com/nvidia.com=1", 0)],
)
def test_an_annotation_may_ask_for_a_cdi_device(value: str, count: int) -> None:
    found = with_container()
    found["metadata"]["annotations"] = {"cdi.k8s.io/plugin_gpu": value, "other": "nvidia.com/gpu=0"}
    assert len(users(found)) == count


def test_an_init_container_and_a_resource_claim_count() -> None:
    init = {"name": "i", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    assert users({**job("j", "n"), "spec": {"nodeName": "n", "containers": [], "initContainers": [init]}})
    claims = [{"name": "gpu", "resourceClaimTemplateName": "single"}]
    assert users({**job("j", "n"), "spec": {"nodeName": "n", "containers": [], "resourceClaims": claims}})


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_does_not_count(phase: str) -> None:
    assert users(job("done", "node", phase=phase)) == []


@pytest.mark.parametrize("phase", ["Pending", "Running", "Unknown"])
def test_an_unfinished_pod_counts(phase: str) -> None:
    assert len(users(job("job", "node", phase=phase))) == 1


def test_a_pod_of_a_daemonset_does_not_count() -> None:
    assert users(job("plugin", "node", kind="DaemonSet")) == []


def test_a_pod_without_a_controller_is_not_evicted() -> None:
    assert users(job("alone", "node", kind="")) == ["default/alone nvidia.com/gpu: 1 False"]


def test_a_mirror_pod_is_not_evicted() -> None:
    found = job("static", "node", kind="Node")
    found["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    assert users(found) == ["default/static nvidia.com/gpu: 1 False"]


def test_a_daemonsets_pod_that_is_being_deleted_is_waited_for() -> None:
    going = job("exporter", "node", kind="DaemonSet")
    going["metadata"]["deletionTimestamp"] = "2026-11-28T12:00:00Z"
    stays = pod("installer", "node")
    assert leaving(map(Pod.model_validate, [going, stays, job("job", "node")])) == ("default/exporter",)
