"""Tests of selecting a node's module type by the driver's branch, the GPUs' generation and the image's contents."""

import pytest

from tests.support.machines.node_host import B200, H100, H100_SWITCH, MODULE_FOLDER, V100, Node
from tests.support.machines.node_image import make_image, write_manifests

NEW_DRIVER = "580.126.09"


def put_on_the_bus(node: Node, *devices: str) -> None:
    node.empty_bus()
    for number, device in enumerate(devices):
        node.add_to_bus(f"0000:3{number}:00.0", device)


def type_of(node: Node) -> str:
    return (node.drivers / "current" / MODULE_FOLDER / "type").read_text()


@pytest.mark.parametrize(
    ("driver", "gpus", "expected"),
    [
        ("550.163.01", [H100], "proprietary"),
        ("550.163.01", [B200], "open"),
        (NEW_DRIVER, [H100], "open"),
        (NEW_DRIVER, [V100], "proprietary"),
        (NEW_DRIVER, [H100, V100], "proprietary"),
        (NEW_DRIVER, [H100, B200], "open"),
        (NEW_DRIVER, ["1e04"], "open"),
        (NEW_DRIVER, ["1df6"], "proprietary"),
    ],
)
def test_auto_goes_by_branch_and_generation(node: Node, driver: str, gpus: list[str], expected: str) -> None:
    make_image(node, driver=driver)
    put_on_the_bus(node, *gpus)
    node.installs()
    assert type_of(node) == expected


def test_auto_takes_the_other_type_where_the_image_lacks_the_better_one(node: Node) -> None:
    write_manifests(node.image, MODULE_TYPES="open")
    node.installs()
    assert type_of(node) == "open"


@pytest.mark.parametrize(
    ("types", "gpus"), [("open", [V100]), ("proprietary", [B200]), ("proprietary open", [V100, B200])]
)
def test_gpus_that_no_type_of_the_image_can_drive_are_named(node: Node, types: str, gpus: list[str]) -> None:
    write_manifests(node.image, MODULE_TYPES=types)
    put_on_the_bus(node, *gpus)
    before = node.stat()
    done = node.run("install")
    assert done.returncode == 16
    named = ", ".join(f"10de:{gpu} at 0000:3{number}:00.0" for number, gpu in enumerate(gpus))
    assert done.stderr == (
        f"nvidia-installer: none of this image's module types ({types}) can drive all of this node's GPUs: {named}\n"
    )
    assert node.stat() == before


def test_a_requested_type_is_used_with_a_warning_where_it_cannot_work(node: Node) -> None:
    put_on_the_bus(node, V100)
    node.environment["KERNEL_MODULE_TYPE"] = "open"
    assert (
        "KERNEL_MODULE_TYPE=open is set, but does not work with all GPUs of this node: 10de:1db6 at 0000:30:00.0"
        in node.installs()
    )
    assert type_of(node) == "open"


def test_the_operators_older_word_for_open_counts(node: Node) -> None:
    node.environment["OPEN_KERNEL_MODULES_ENABLED"] = "true"
    node.installs()
    assert type_of(node) == "open"


def test_a_node_image_in_the_making_goes_by_the_branch_alone(node: Node) -> None:
    put_on_the_bus(node, B200)
    node.installs("--no-load")
    assert type_of(node) == "proprietary"


def test_an_nvswitch_alone_is_enough_to_go_on_and_needs_no_nvidia_smi(node: Node) -> None:
    node.empty_bus()
    node.add_to_bus("0000:05:00.0", H100_SWITCH, "068000")
    node.environment["SMI_CODE"] = "9"
    said = node.installs()
    assert "this node has an NVSwitch, but this image has no fabric manager; CUDA does not start" in said


def test_a_missing_required_fabric_manager_ends_the_run_before_any_load(node: Node) -> None:
    node.add_to_bus("0000:05:00.0", H100_SWITCH, "068000")
    node.environment["FABRIC_MANAGER"] = "required"
    done = node.run("install")
    assert done.returncode == 27
    assert node.loaded() == set()
