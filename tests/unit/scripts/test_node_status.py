"""`nvidia-installer status`: what it prints, as text and as JSON, and its exit code for a probe."""

import json
from typing import Any

import pytest

from tests.support.machines.node_host import DRIVER, H100_SWITCH, NAME, OLD_DRIVER, Node
from tests.support.machines.node_image import make_image, srcversion_of, write_manifests
from tests.support.machines.node_programs import KERNEL

TAG = "550.163.01-6.12.117-deb13-cloud-amd64-debian-13"


def status(node: Node) -> dict[str, Any]:
    done = node.run("status", "--json")
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    assert done.returncode == (0 if found["ready"] else 30)
    return found


def test_before_an_installation_there_is_nothing(node: Node) -> None:
    done = node.run("status")
    assert (done.returncode, done.stderr) == (30, "")
    assert done.stdout == (
        f"image: {TAG} (proprietary open)\ninstalled: none\nloaded: none\nstate: absent\n"
        "gpus: 1, nvswitches: 0\npersistence daemon: missing\nfabric manager: not needed\n"
        "cdi nvidia.com/gpu: missing (the driver is not ready)\nready: false\nproblem: no driver is installed\n"
    )


def test_after_an_installation_the_driver_is_ready(node: Node) -> None:
    node.installs()
    before = node.stat()
    done = node.run("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:4] == [
        f"installed: {DRIVER} for {KERNEL} (proprietary)",
        f"loaded: {DRIVER}",
        "state: same",
    ]
    assert done.stdout.endswith("ready: true\n")
    assert node.stat() == before


def test_quietly_there_is_the_exit_code_alone(node: Node) -> None:
    done = node.run("status", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (30, "", "")
    node.installs()
    done = node.run("status", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_json_says_all_of_it(node: Node) -> None:
    node.installs()
    assert status(node) == {
        "image": {"tag": TAG, "driver": DRIVER, "kernel": KERNEL, "module_types": ["proprietary", "open"]},
        "installed": {
            "folder": NAME,
            "driver": DRIVER,
            "kernel": KERNEL,
            "module_type": "proprietary",
            "of_this_image": True,
        },
        "loaded": {
            "version": DRIVER,
            "srcversion": srcversion_of(DRIVER, "proprietary"),
            "complete": True,
            "modules": ["nvidia", "nvidia-modeset", "nvidia-drm", "nvidia-uvm"],
        },
        "state": "same",
        "used_by": [],
        "gpus": 1,
        "guest_gpus": [],
        "nvswitches": 0,
        "persistence_daemon": "missing",
        "fabric_manager": "not needed",
        "cdi": {"wanted": ["nvidia.com/gpu"], "written": ["nvidia.com/gpu"], "problems": []},
        "last_failure": None,
        "ready": True,
        "problem": None,
    }


def test_before_an_installation_the_json_has_nulls(node: Node) -> None:
    found = status(node)
    assert found["installed"] == dict.fromkeys(("folder", "driver", "kernel", "module_type")) | {"of_this_image": False}
    assert found["loaded"] == {"version": None, "srcversion": None, "complete": False, "modules": []}


@pytest.mark.parametrize(("busy", "state"), [(False, "different-idle"), (True, "different-busy")])
def test_a_loaded_driver_that_is_not_the_current_one_is_different(node: Node, busy: bool, state: str) -> None:
    node.pretend_loaded(OLD_DRIVER)
    node.installs("--no-load")
    if busy:
        node.add_process(41, "train.py", "/dev/nvidia0")
    found = status(node)
    assert (found["state"], found["ready"]) == (state, False)
    assert found["used_by"] == (["process 41 (train.py)"] if busy else [])


def test_who_uses_the_right_driver_is_said_and_does_no_harm(node: Node) -> None:
    node.installs()
    node.add_process(41, "train.py", "/dev/nvidia0")
    found = status(node)
    assert (found["state"], found["used_by"], found["ready"]) == ("same", ["process 41 (train.py)"], True)


@pytest.mark.parametrize("name", ['a"b\\c', "tab\there", "é", "\x01\x7f", "$(reboot)"])
def test_any_name_of_a_process_makes_valid_json(node: Node, name: str) -> None:
    node.installs()
    node.add_process(41, name, "/dev/nvidia0")
    [user] = status(node)["used_by"]
    assert user.startswith("process 41 (")
    if name.isascii():
        assert user == f"process 41 ({name.replace(chr(9), '_')})"


def test_an_image_that_was_built_anew_is_not_the_installed_one(node: Node) -> None:
    node.installs()
    write_manifests(node.image, BUILD="2")
    found = status(node)
    assert (found["installed"]["of_this_image"], found["ready"]) == (False, True)


def test_a_driver_that_was_unloaded_behind_our_back_is_not_ready(node: Node) -> None:
    node.installs()
    for module in ("drm", "modeset", "uvm"):
        node.run("status")
        folder = node.sysfs / f"module/nvidia_{module}"
        folder.rename(node.folder / f"gone-{module}")
    found = status(node)
    assert (found["state"], found["loaded"]["complete"], found["ready"]) == ("same", False, False)


def test_an_nvswitch_without_a_fabric_manager_shows(node: Node) -> None:
    node.add_to_bus("0000:05:00.0", H100_SWITCH, "068000")
    found = status(node)
    assert (found["nvswitches"], found["fabric_manager"]) == (1, "missing")


def test_a_daemon_that_the_image_has_and_that_does_not_run_is_stopped(node: Node) -> None:
    make_image(node, programs={"nvidia-persistenced": "exit 0"})
    node.installs()
    assert status(node)["persistence_daemon"] == "stopped"
    node.environment["PERSISTENCE"] = "off"
    assert status(node)["persistence_daemon"] == "off"
