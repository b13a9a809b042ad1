"""Tests of pods with a GPU, which they get from the chart, the kubelet and containerd, without anything of NVIDIA's toolkit.

The GPU is one of the tests' host. NVIDIA's device plugin cannot be had here, so the tests' own answers the kubelet as it does.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.support.machines.cluster.cluster import Cluster
from tests.support.machines.cluster.containerd import Containerd
from tests.support.machines.cluster.engine_images import Installer
from tests.support.machines.cluster.gpu_files import gpu_files
from tests.support.machines.cluster.gpu_images import device_plugin, kubectl
from tests.support.machines.cluster.gpu_jobs import GPU, NAMESPACE
from tests.support.machines.cluster.helm_release import NAME, QUICK, WRONG_KERNEL, Release, labels_for
from tests.support.machines.cluster.pod_host import env_of
from tests.support.machines.cluster.published_images import Images
from tests.support.machines.node_cdi import UUID, set_gpu
from tests.support.machines.node_host import Node
from tests.support.servers.registry_server import RegistryServer
from tests.support.tutorial import files

TAINT = "startup-taint.cluster-autoscaler.kubernetes.io/nvidia-driver"
LABELS = labels_for("lts")
POD = "look"
# What a program does that uses a GPU. The kernel knows no such device, and says so only if the container may open its file.
# A container's log does not keep the order of two streams, so there is one.
LOOK = """\
exec 2>&1
nvidia-smi
cat /usr/lib/x86_64-linux-gnu/libcuda.so.1 /usr/lib64/libcuda.so.1
echo
cat /dev/nvidia0
true
"""
COMMAND = ["sh", "-c", LOOK]
WITH_GPU = "fine\nELFELF\ncat: /dev/nvidia0: No such device or address\n"


@pytest.fixture(scope="module")
def plugin(cluster: Cluster, registry: RegistryServer, programs: Path) -> Mapping[str, object]:
    """Return the chart's values for the device plugin."""
    image = device_plugin(cluster, registry, programs, UUID)
    return {"enabled": True, "image": image, "deviceListStrategy": "cdi-annotations"}


@pytest.fixture
def images(images: Images) -> Images:
    """Return the images as versions of one installer."""
    return images.of_one_installer("lts")


@pytest.fixture
def release(cluster: Cluster, runtime: Containerd, host: Node, images: Images) -> Iterator[Release]:
    """Yield the chart for a labelled node with the GPU of the host. Uninstall it after the test."""
    set_gpu(host, "0000:3b:00.0", minor=0, uuid=UUID)
    verification = {"image": images.new.reference, "command": COMMAND}
    release = Release(cluster, env_of(host), defaults={**QUICK, "verification": verification})
    cluster.label(cluster.node, LABELS)
    with gpu_files(runtime.namespace, host):
        yield release
        release.clear()
    cluster.unlabel(cluster.node, *LABELS)


@pytest.fixture
def with_plugin(cluster: Cluster, release: Release, images: Images, plugin: Mapping[str, object]) -> Release:
    """Install the chart with the device plugin, and wait until the node offers its GPU."""
    # The kubelet counts the GPU of the plugin before for a while.
    cluster.wait(lambda: cluster.offered(cluster.node, GPU) in ("", "0"), "the node offers no GPU yet")
    release.install(images.new, devicePlugin=plugin)
    cluster.wait(lambda: cluster.offered(cluster.node, GPU) == "1", "the node offers its GPU")
    return release


@contextmanager
def looking_pod(cluster: Cluster, images: Images, *, gpus: int) -> Iterator[None]:
    """Start a pod that asks for some GPUs and looks for one. Delete it at the end."""
    container = {
        "name": POD,
        "image": images.new.reference,
        "command": COMMAND,
        "resources": {"limits": {GPU: str(gpus)}} if gpus else {},
    }
    spec = {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}
    metadata = {"name": POD, "namespace": NAMESPACE}
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    try:
        yield
    finally:
        cluster.kubectl("delete", "pod", POD, f"--namespace={NAMESPACE}", "--force", "--grace-period=0")


def output(cluster: Cluster) -> str:
    """Wait until that pod has ended, and return what it has printed."""
    cluster.wait(lambda: phase(cluster) in {"Succeeded", "Failed"}, "the pod has ended")
    return cluster.logs(NAMESPACE, POD, POD)


def phase(cluster: Cluster) -> str:
    return str(cluster.get("pod", POD, f"--namespace={NAMESPACE}")["status"]["phase"])


def test_the_charts_test_pod_gets_the_files_of_its_gpu(with_plugin: Release) -> None:
    assert with_plugin.test() == WITH_GPU


def test_the_pod_of_the_tutorial_runs_nvidia_smi(cluster: Cluster, with_plugin: Release, images: Images) -> None:
    pod = yaml.safe_load(files()["nvidia-smi.yaml"])
    # The node reaches no registry but that of the tests.
    pod["spec"]["containers"][0]["image"] = images.new.reference
    name = pod["metadata"]["name"]
    cluster.apply(pod)
    try:
        cluster.wait(lambda: cluster.get("pod", name)["status"]["phase"] == "Succeeded", "the pod has succeeded")
        assert cluster.logs("default", name, name) == "fine\n"
    finally:
        cluster.kubectl("delete", "pod", name, "--force", "--grace-period=0")


def test_a_pod_that_asks_for_no_gpu_gets_no_files(cluster: Cluster, with_plugin: Release, images: Images) -> None:
    with looking_pod(cluster, images, gpus=0):
        assert "fine" not in output(cluster)


def test_the_node_offers_no_gpu_without_the_installers_pod(cluster: Cluster, with_plugin: Release) -> None:
    with_plugin.uninstall()
    cluster.wait(lambda: cluster.offered(cluster.node, GPU) == "0", "the node offers no GPU")


@pytest.fixture
def tainted(cluster: Cluster) -> Iterator[None]:
    """Give the node the start-up taint of a new node. Remove it at the end if it is still there."""
    cluster.kubectl("taint", "node", cluster.node, f"{TAINT}=:NoSchedule")
    yield
    cluster.kubectl("taint", "node", cluster.node, f"{TAINT}-", check=False)


def give_network(cluster: Cluster, release: Release) -> None:
    """Let the pod that removes the taint reach the API server, which only this machine's own network does here."""
    server = urlsplit(yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"])
    place = {"KUBERNETES_SERVICE_HOST": server.hostname, "KUBERNETES_SERVICE_PORT": str(server.port)}
    env = [{"name": name, "value": value} for name, value in place.items()]
    spec = {"hostNetwork": True, "containers": [{"name": "startup-taint", "env": env}]}
    patch = json.dumps({"spec": {"template": {"spec": spec}}})
    words = ("deployment", f"{NAME}-startup-taint", f"--namespace={release.namespace}")
    cluster.kubectl("patch", *words, f"--patch={patch}")


def test_a_pod_lands_only_when_the_driver_is_ready_and_gets_its_gpu(
    cluster: Cluster,
    registry: RegistryServer,
    programs: Path,
    real: Installer,
    release: Release,
    images: Images,
    plugin: Mapping[str, object],
    tainted: None,
) -> None:
    values = {
        "devicePlugin": plugin,
        "startupTaint": {"enabled": True, "image": kubectl(cluster, registry, programs, real.reference)},
        "updateStrategy": {"type": "RollingUpdate"},
    }
    with looking_pod(cluster, images, gpus=1):
        release.install(images.wrong, **values)
        release.refusal(WRONG_KERNEL)
        give_network(cluster, release)
        cluster.ready_pod(release.namespace, "app.kubernetes.io/component=startup-taint")
        assert phase(cluster) == "Pending"
        assert TAINT in str(cluster.get("node", cluster.node)["spec"]["taints"])
        release.upgrade(images.new, **values)
        assert output(cluster) == WITH_GPU
        assert "taints" not in cluster.get("node", cluster.node)["spec"]
