"""Tests of selecting a node's module type by the driver's branch, the GPUs' generation and the image's contents."""

import pytest

from tests.support.machines.node_host import B200, H100, H100_SWITCH, V100, Node
from tests.support.machines.node_image import make_image, write_manifests
from tests.support.machines.node_programs import MODULE_FOLDER

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
        (NEW_DRIVER, [B200], "open"),
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


VOLTA = "10de:1db6 at 0000:30:00.0 (Volta) needs a driver of branch 580 or older with proprietary modules"
BLACKWELL = "(Blackwell) needs a driver of branch 570 or newer with open modules"


@pytest.mark.parametrize(
    ("types", "gpus", "named"),
    [
        ("open", [V100], VOLTA),
        ("proprietary", [B200], f"10de:2901 at 0000:30:00.0 {BLACKWELL}"),
        ("proprietary open", [V100, B200], f"{VOLTA}; 10de:2901 at 0000:31:00.0 {BLACKWELL}"),
        ("proprietary open", [V100, H100, B200], f"{VOLTA}; 10de:2901 at 0000:32:00.0 {BLACKWELL}"),
    ],
)
def test_gpus_that_no_type_of_the_image_can_drive_are_named(
    node: Node, types: str, gpus: list[str], named: str
) -> None:
    make_image(node, driver=NEW_DRIVER)
    write_manifests(node.image, DRIVER_VERSION=NEW_DRIVER, MODULE_TYPES=types)
    put_on_the_bus(node, *gpus)
    before = node.stat()
    done = node.run("install")
    assert done.returncode == 16
    assert done.stderr.startswith(
        f"nvidia-installer: driver {NEW_DRIVER} of this image (modules: {types.replace(' ', ', ')}) cannot drive all of "
        f"this node's GPUs: {named}; use another image"
    )
    assert node.stat() == before


def test_a_requested_type_is_used_with_a_warning_if_it_fits_some_gpus(node: Node) -> None:
    put_on_the_bus(node, V100, H100)
    node.environment["KERNEL_MODULE_TYPE"] = "open"
    assert f"KERNEL_MODULE_TYPE=open is set, but does not work with all GPUs of this node: {VOLTA}\n" in node.installs()
    assert type_of(node) == "open"


def test_the_message_about_a_gpu_is_the_last_failure(node: Node) -> None:
    (node.host / "run/nvidia").mkdir()
    put_on_the_bus(node, "102d")
    node.run("install")
    assert "exit code 16 (no_module_type): driver 550.163.01 of this image" in node.run("status").stdout


# ----- the driver's own list


def list_gpus(node: Node, *lines: str) -> None:
    (node.image / "supported-gpus.txt").write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize(
    ("line", "gpu", "expected"),
    [
        ("2901 open", B200, "open"),
        ("2330 open", H100, "open"),
        ("ffff both", "ffff", "proprietary"),
        ("ffff proprietary", "ffff", "proprietary"),
        ("2331 open", H100, "proprietary"),
        ("2330 something", H100, "proprietary"),
        ("2330", H100, "proprietary"),
        ("12330 open", H100, "proprietary"),
    ],
)
def test_the_list_of_the_driver_wins_over_the_table(node: Node, line: str, gpu: str, expected: str) -> None:
    list_gpus(node, "0040 legacy:304", line)
    put_on_the_bus(node, gpu)
    node.installs()
    assert type_of(node) == expected


def test_a_gpu_that_the_driver_lists_as_legacy_needs_that_branch(node: Node) -> None:
    list_gpus(node, "2330 legacy:470")
    done = node.run("install")
    assert done.returncode == 16
    assert "10de:2330 at 0000:3b:00.0 (Hopper) needs a driver of branch 470 or older" in done.stderr


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
