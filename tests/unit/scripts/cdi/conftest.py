"""A node whose GPU can be given to containers."""

import pytest

from tests.support.machines.node_cdi import UUID, set_gpu
from tests.support.machines.node_host import Node


@pytest.fixture
def gpu_node(node: Node) -> Node:
    """Return a node whose GPU has a UUID in procfs."""
    set_gpu(node, "0000:3b:00.0", minor=0, uuid=UUID)
    return node
