"""Tests of GPUs that virtual machines (guests) have: they are shown, and nothing of theirs is touched."""

import json
from pathlib import Path

import pytest

from tests.support.machines.node_host import Node

GUESTS = ("0000:86:00.0", "0000:87:00.0")


@pytest.fixture
def shared(node: Node) -> Node:
    """Return a node with a GPU of its own and two of a guest."""
    for address in GUESTS:
        folder = node.add_to_bus(address, "1b38")
        (folder / "driver").symlink_to("../../../bus/pci/drivers/vfio-pci")
    return node


def test_status_shows_gpus_of_guests(shared: Node) -> None:
    assert "gpus: 1, nvswitches: 0\nguest gpus: 2\n" in shared.run("status").stdout

    found = json.loads(shared.run("status", "--json").stdout)
    assert (found["gpus"], found["guest_gpus"]) == (1, [*GUESTS])


def group(node: Node, address: str, number: int) -> Path:
    folder = node.sysfs / f"kernel/iommu_groups/{number}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "type").write_text("DMA\n")
    (node.sysfs / "bus/pci/devices" / address / "iommu_group").symlink_to(folder)
    return folder / "type"


def test_the_iommu_group_of_a_guest_stays(shared: Node) -> None:
    own, guests, common = group(shared, "0000:3b:00.0", 1), group(shared, GUESTS[0], 2), group(shared, GUESTS[1], 3)
    shared.add_to_bus("0000:88:00.0", "2330")
    group(shared, "0000:88:00.0", 3)
    shared.installs()

    assert [file.read_text() for file in (own, guests, common)] == ["identity", "DMA\n", "DMA\n"]


@pytest.mark.parametrize("command", [("status", "--quiet"), ("status",)])
def test_gpus_of_nvidias_driver_are_told_apart_without_a_program(node: Node, command: tuple[str, ...]) -> None:
    driver = node.sysfs / "bus/pci/drivers/nvidia"
    driver.mkdir(parents=True)
    (node.sysfs / "bus/pci/devices/0000:3b:00.0/driver").symlink_to(driver)
    node.installs()
    node.stub("find", 'case "$*" in *bus/pci*) exit 9 ;; esac; exec find "$@"')
    node.run(*command)

    assert [call for call in node.calls("find") if "bus/pci" in call] == []
