import pytest

from lifecycle.kubernetes.gpu_labels import gpu_pools, has_gpu, pools_of


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gpu", "nvidia"),
        ("gpu", ""),
        ("nvidia-driver", "550"),
        ("nvidia.com/gpu.present", "true"),
        ("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-80GB"),
        ("feature.node.kubernetes.io/pci-10de.present", "true"),
        ("feature.node.kubernetes.io/pci-0302_10de.present", "true"),
        ("feature.node.kubernetes.io/pci-0300_10de_2330.present", "true"),
        ("cloud.google.com/gke-accelerator", "nvidia-tesla-t4"),
        ("k8s.amazonaws.com/accelerator", "nvidia-tesla-v100"),
        ("kubernetes.azure.com/accelerator", "nvidia"),
        ("accelerator", "NVIDIA"),
        ("karpenter.k8s.aws/instance-gpu-manufacturer", "nvidia"),
    ],
)
def test_a_label_tells_a_gpu_node(key: str, value: str) -> None:
    assert has_gpu({key: value}, [])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gpu", "false"),
        ("gpu", "amd"),
        ("nvidia.com/gpu.present", "false"),
        ("nvidia.com/gpu.count", "0"),
        ("feature.node.kubernetes.io/pci-10de.present", "false"),
        ("feature.node.kubernetes.io/pci-15b3.present", "true"),
        ("feature.node.kubernetes.io/pci-10de.sriov.capable", "true"),
        ("accelerator", "amd"),
        ("karpenter.k8s.aws/instance-gpu-manufacturer", "amd"),
        ("os-version", "debian-12"),
    ],
)
def test_a_label_tells_no_gpu(key: str, value: str) -> None:
    assert not has_gpu({key: value}, [])


@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "nvidia.com/gpu.shared", "nvidia.com/mig-1g.5gb"])
def test_a_resource_tells_a_gpu_node(resource: str) -> None:
    assert has_gpu({}, ["cpu", resource])


@pytest.mark.parametrize("resource", ["amd.com/gpu", "nvidia.com/GA102GL_A10", "nvidia.com/hostdev", "xnvidia.com/gpu"])
def test_a_resource_of_others_or_of_guests_tells_no_gpu(resource: str) -> None:
    assert not has_gpu({}, [resource])


@pytest.mark.parametrize(
    "label",
    [
        "worker.gardener.cloud/pool",
        "cloud.google.com/gke-nodepool",
        "eks.amazonaws.com/nodegroup",
        "kubernetes.azure.com/agentpool",
    ],
)
def test_a_pool_is_known_by_one_node_with_a_gpu(label: str) -> None:
    nodes: list[tuple[dict[str, str], list[str]]] = [({label: "a"}, ["nvidia.com/gpu"]), ({label: "b"}, ["cpu"])]

    assert gpu_pools(nodes) == pools_of({label: "a", "gpu": ""})
