"""GPUs as an extended resource of the cluster's node, and pods that request one."""

from typing import Any

from kubernetes import client

from lifecycle.rollout.kubeconfig import open_client
from tests.support.machines.cluster.cluster import Cluster, Object
from tests.support.machines.cluster.containerd import PAUSE

GPU = "nvidia.com/gpu"
# NVIDIA's device plugin gives this name to GPUs that pods share. The kubelet lets nobody advertise a resource of a device plugin,
# which `nvidia.com/gpu` is after the tests with one.
SHARED_GPU = f"{GPU}.shared"
NAMESPACE = "default"
LABELS = {"app": "job"}


def advertise_gpus(cluster: Cluster, count: int) -> None:
    """Give the node GPUs, as a device plugin would (Kubernetes documentation, "Advertise Extended Resources for a Node")."""
    api = open_client(str(cluster.kubeconfig), "", {}, connections=1)
    change = [{"op": "add", "path": f"/status/capacity/{SHARED_GPU.replace('/', '~1')}", "value": str(count)}]
    client.CoreV1Api(api).patch_node_status(cluster.node, change)
    cluster.wait(lambda: cluster.offered(cluster.node, SHARED_GPU) == str(count), "the node's GPUs can be requested")


def _spec() -> dict[str, Any]:
    container = {
        "name": "job",
        "image": PAUSE,
        "imagePullPolicy": "Never",
        "resources": {"limits": {SHARED_GPU: "1"}},
    }
    return {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
    }


def start_job(cluster: Cluster, name: str = "job") -> None:
    """Start a pod that uses a GPU and that no controller replaces; wait until it runs."""
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": _spec()}
    )
    cluster.wait(lambda: cluster.get("pod", name, f"--namespace={NAMESPACE}")["status"]["phase"] == "Running", name)


def end_job(cluster: Cluster, name: str = "job") -> None:
    """Delete the pod of a job; a missing one is ignored."""
    cluster.kubectl(
        "delete", "pod", name, f"--namespace={NAMESPACE}", "--ignore-not-found", "--force", "--grace-period=0"
    )


def start_service(cluster: Cluster) -> Object:
    """Start a ReplicaSet with one pod that uses a GPU; wait for the pod and return it."""
    cluster.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": "service", "namespace": NAMESPACE},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": LABELS},
                "template": {"metadata": {"labels": LABELS}, "spec": _spec()},
            },
        }
    )
    return cluster.ready_pod(NAMESPACE, "app=job")


def forbid_eviction(cluster: Cluster) -> None:
    """Create a PodDisruptionBudget that lets no pod of the service be evicted, and wait until it is in force."""
    cluster.apply(
        {
            "apiVersion": "policy/v1beta1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "service", "namespace": NAMESPACE},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": LABELS}},
        }
    )
    words = ("poddisruptionbudget", "service", f"--namespace={NAMESPACE}")
    cluster.wait(lambda: cluster.get(*words).get("status", {}).get("currentHealthy") == 1, "the budget is in force")


def allow_eviction(cluster: Cluster) -> None:
    """Delete that budget; a missing one is ignored."""
    cluster.kubectl("delete", "poddisruptionbudget", "service", f"--namespace={NAMESPACE}", "--ignore-not-found")


def end_service(cluster: Cluster) -> None:
    """Delete the service with its budget; a missing one is ignored."""
    allow_eviction(cluster)
    cluster.kubectl("delete", "replicaset", "service", f"--namespace={NAMESPACE}", "--ignore-not-found")
    cluster.wait(lambda: not cluster.pods(NAMESPACE, "app=job"), "the service's pods are gone")


def start_exporter(cluster: Cluster, label: str) -> None:
    """Start a DaemonSet of the kind that holds GPUs, which keeps off nodes with a label; wait for its pod."""
    labels = {"app": "exporter"}
    rule = {"matchExpressions": [{"key": label, "operator": "DoesNotExist"}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [rule]}}
    container = {"name": "exporter", "image": PAUSE, "imagePullPolicy": "Never"}
    spec = {**_spec(), "containers": [container], "affinity": {"nodeAffinity": required}}
    cluster.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "exporter", "namespace": NAMESPACE},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
        }
    )
    cluster.ready_pod(NAMESPACE, "app=exporter")


def end_exporter(cluster: Cluster) -> None:
    """Delete that DaemonSet."""
    cluster.kubectl("delete", "daemonset", "exporter", f"--namespace={NAMESPACE}")
