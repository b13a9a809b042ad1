"""A node's life on each image's own kernel: every module type installed, used and replaced, then all of it taken away."""

import json
import re

import pytest

from lifecycle.config.schema import ModuleType
from tests.support.machines.guest.boots import Load
from tests.support.machines.guest.machine import Boot

MODULES = ["nvidia", "nvidia_drm", "nvidia_modeset", "nvidia_uvm"]
# Documentation/admin-guide/tainted-kernels.rst
PROPRIETARY, OUT_OF_TREE, UNSIGNED = 1 << 0, 1 << 12, 1 << 13


def test_the_installer_ends_well(load: Load) -> None:
    assert load.code("install") == 0, load.text("install")


def test_all_four_modules_are_live(load: Load) -> None:
    rows = [row.split() for row in load.text("modules").splitlines() if row]

    assert sorted(row[0] for row in rows) == MODULES
    assert {row[4] for row in rows} == {"Live"}


def test_the_driver_reports_its_version_and_its_module_type(load: Load) -> None:
    first = load.text("version").splitlines()[0]
    open_modules = "Open Kernel Module" in first

    assert re.search(rf"\b{re.escape(load.combination.driver)}\b", first)
    assert open_modules is (load.module_type is ModuleType.OPEN)


@pytest.mark.parametrize("device", ["nvidia", "nvidia-uvm", "nvidia-nvlink", "nvidia-nvswitch", "nvidia-caps"])
def test_character_devices_are_registered(load: Load, device: str) -> None:
    assert re.search(rf"^ *\d+ {device}(-frontend|ctl)?$", load.text("devices"), re.MULTILINE)


@pytest.mark.parametrize(
    "node", ["nvidiactl", "nvidia-modeset", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-caps/nvidia-cap1"]
)
def test_device_nodes_are_there_with_the_links_that_containers_need(load: Load, node: str) -> None:
    nodes = load.text("nodes")

    assert re.search(rf"^c.* {re.escape(node.rpartition('/')[2])}$", nodes, re.MULTILINE)
    assert re.search(rf"^l.* \d+:\d+ -> \.\./{re.escape(node)}$", nodes, re.MULTILINE)


def test_the_kernel_is_tainted_by_what_the_modules_are_and_nothing_else(load: Load) -> None:
    taint = int(load.text("taint"))

    assert taint & OUT_OF_TREE
    assert not taint & ~(PROPRIETARY | OUT_OF_TREE | UNSIGNED)


@pytest.mark.parametrize(
    "complaint", ["disagrees about", "Unknown symbol", "BUG:", "Oops", "Call Trace", "version magic", "UBSAN"]
)
def test_the_kernel_has_nothing_to_complain_about(load: Load, complaint: str) -> None:
    assert complaint not in load.text("kernel")


def test_parameters_of_the_component_are_in_effect(load: Load) -> None:
    assert load.text("parameters").strip() == "uvm_disable_hmm=Y"


def test_status_is_same_and_ready(load: Load) -> None:
    status = json.loads(load.text("status"))

    assert load.code("status") == 0
    assert status["state"] == "same"


def test_a_second_install_touches_nothing(load: Load) -> None:
    assert load.code("again") == 0
    assert load.text("times before") == load.text("times after")


def test_what_is_uninstalled_is_unloaded(installation: Boot) -> None:
    assert installation["uninstall"].code == 0, installation["uninstall"].text
    assert "nvidia" not in installation["loaded after"].text


def test_an_uninstall_leaves_nothing_on_the_host(installation: Boot) -> None:
    assert installation["listing after"].text == installation["listing before"].text


def test_a_second_uninstall_has_nothing_to_do(installation: Boot) -> None:
    assert installation["uninstall again"].code == 0
