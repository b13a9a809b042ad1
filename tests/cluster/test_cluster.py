"""The laboratory itself."""

from tests.support.machines.cluster.cluster import Cluster, is_ready


def test_the_cluster_has_one_node_and_it_is_ready(cluster: Cluster) -> None:
    (node,) = cluster.nodes()
    assert is_ready(node)
    assert node["status"]["nodeInfo"]["kubeletVersion"] == "v1.20.2"
