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
    """A node with one GPU on which everything is as it should be, and no driver."""
    return node_image.make_node(tmp_path, modules)


@pytest.fixture
def reporting(node: Node) -> Node:
    """The same where both files of report.sh are asked for, and neither they nor their folders are there."""
    node.environment.update(METRICS_FILE=node_report.METRICS, FEATURES_FILE=node_report.FEATURES)
    return node


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that has everything but `.venv`."""
    return make_machine(tmp_path)
