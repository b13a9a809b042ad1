"""Fixtures for the tests of scripts: nodes for scripts/node, and a machine for scripts/setup."""

from pathlib import Path

import pytest

from tests.support.machines import node_image, node_report
from tests.support.machines.node_host import Node
from tests.support.machines.setup_machine import Machine, make_machine


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("modules")
    node_image.compile_modules(folder)
    return folder


@pytest.fixture
def node(tmp_path: Path, modules: Path) -> Node:
    """Return a healthy node with one GPU and no driver."""
    return node_image.make_node(tmp_path, modules)


@pytest.fixture
def reporting(node: Node) -> Node:
    """Return the node with both files of report.sh configured; neither the files nor their folders exist."""
    node.environment.update(METRICS_FILE=node_report.METRICS, FEATURES_FILE=node_report.FEATURES)
    return node


@pytest.fixture
def complete(node: Node) -> Node:
    """Return a node with a driver on which no item of `collect` fails."""
    node.installs()
    (node.proc / "modules").write_text("nvidia 60000000 2 nvidia_uvm, Live 0x0\n")
    (node.proc / "cmdline").write_text("root=/dev/sda1 nvidia-drm.modeset=1 quiet\n")
    return node


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine that has everything except `.venv`."""
    return make_machine(tmp_path)
