"""Tests of when CDI specifications are written and removed, and of `nvidia-installer cdi`."""

import json

import pytest

from tests.support.machines.node_cdi import OTHER_UUID, PLUGIN, devices, mounts, set_gpu, spec, spec_file
from tests.support.machines.node_host import NAME, OLD_DRIVER, OLD_NAME, Node, uninstalls
from tests.support.machines.node_image import make_image
from tests.support.machines.node_processes import stop, until, waiting


def test_an_upgrade_leads_new_containers_to_the_new_driver(gpu_node: Node) -> None:
    make_image(gpu_node, driver=OLD_DRIVER)
    gpu_node.installs()
    assert f"/opt/nvidia/{OLD_NAME}/lib/libcuda.so.1" in mounts(gpu_node).values()
    make_image(gpu_node)
    gpu_node.installs()
    assert {host.split("/")[3] for host in mounts(gpu_node).values()} == {NAME}


def test_a_driver_that_is_not_ready_has_none(gpu_node: Node) -> None:
    gpu_node.installs()
    make_image(gpu_node, driver=OLD_DRIVER)
    gpu_node.environment["SMI_CODE"] = "1"
    assert gpu_node.run("install").returncode == 26
    assert not spec_file(gpu_node).exists()


def test_a_refused_upgrade_keeps_that_of_the_old_driver(gpu_node: Node) -> None:
    gpu_node.installs()
    before = spec(gpu_node)
    make_image(gpu_node, driver=OLD_DRIVER)
    gpu_node.add_process(41, "train.py", "/dev/nvidia0")
    assert gpu_node.run("install").returncode == 21
    assert spec(gpu_node) == before


def test_a_driver_without_a_gpu_has_none(gpu_node: Node) -> None:
    (gpu_node.proc / "driver/nvidia/gpus/0000:3b:00.0/information").unlink()
    (gpu_node.proc / "driver/nvidia/gpus/0000:3b:00.0").rmdir()
    gpu_node.installs()
    assert not spec_file(gpu_node).exists()


def test_uninstall_removes_files_and_folder(gpu_node: Node) -> None:
    gpu_node.installs()
    uninstalls(gpu_node)
    assert not spec_file(gpu_node).parent.exists()


def test_uninstall_leaves_specifications_of_others(gpu_node: Node) -> None:
    other = spec_file(gpu_node).parent / "vendor.json"
    other.parent.mkdir(parents=True)
    other.write_text('{"cdiVersion": "0.5.0", "kind": "vendor.example/device", "devices": []}')
    gpu_node.installs()
    assert spec_file(gpu_node).exists()
    uninstalls(gpu_node)
    assert list(other.parent.iterdir()) == [other]


def test_a_gpu_that_the_driver_does_not_describe_is_no_device(gpu_node: Node) -> None:
    (gpu_node.proc / "driver/nvidia/gpus/0000:3b:00.0/information").write_text("Model: \t\t Unknown\n")
    gpu_node.installs()
    assert not spec_file(gpu_node).exists()
    assert gpu_node.run("cdi", "--print").returncode == 22


@pytest.mark.parametrize("kinds", ["off", PLUGIN])
def test_specifications_that_are_no_longer_wanted_are_removed(gpu_node: Node, kinds: str) -> None:
    gpu_node.installs()
    gpu_node.environment["CDI_KINDS"] = kinds
    gpu_node.installs()
    assert not spec_file(gpu_node).exists()
    assert spec_file(gpu_node, PLUGIN).exists() == (kinds == PLUGIN)


def test_a_kind_that_is_named_twice_has_one_specification(gpu_node: Node) -> None:
    gpu_node.environment["CDI_KINDS"] = "nvidia.com/gpu nvidia.com/gpu"
    assert gpu_node.run("install").returncode == 0
    assert gpu_node.run("cdi").stderr.endswith("are in /var/run/cdi: nvidia.com/gpu\n")


def test_no_specification_is_written_if_none_is_wanted(gpu_node: Node) -> None:
    gpu_node.environment["CDI_KINDS"] = "off"
    gpu_node.installs()
    assert not spec_file(gpu_node).parent.exists()


@pytest.mark.parametrize("kinds", ["nvidia.com", "off nvidia.com/gpu", "../gpu", "nvidia.com/gpu,x/y", "a/b\nc/d"])
def test_a_wrong_kind_is_a_usage_error(gpu_node: Node, kinds: str) -> None:
    gpu_node.environment["CDI_KINDS"] = kinds
    done = gpu_node.run("install")
    assert done.returncode == 2
    assert "such as nvidia.com/gpu, separated by spaces" in done.stderr


def test_wait_writes_a_lost_specification_again(gpu_node: Node) -> None:
    gpu_node.installs()
    with waiting(gpu_node) as process:
        spec_file(gpu_node).unlink()
        until(spec_file(gpu_node).exists)
        stop(process)


def test_wait_adds_a_new_gpu(gpu_node: Node) -> None:
    gpu_node.installs()
    with waiting(gpu_node) as process:
        set_gpu(gpu_node, "0000:86:00.0", minor=1, uuid=OTHER_UUID)
        until(lambda: "1" in devices(gpu_node))
        stop(process)


def test_the_command_prints_the_specification_and_changes_nothing(gpu_node: Node) -> None:
    gpu_node.installs()
    before = gpu_node.stat()
    done = gpu_node.run("cdi", "--print")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == spec(gpu_node)
    assert gpu_node.stat() == before


def test_the_command_writes_the_specifications_at_once(gpu_node: Node) -> None:
    gpu_node.installs()
    set_gpu(gpu_node, "0000:86:00.0", minor=1, uuid=OTHER_UUID)
    done = gpu_node.run("cdi")
    assert done.returncode == 0
    assert done.stderr.endswith("nvidia-installer: the CDI specifications are in /var/run/cdi: nvidia.com/gpu\n")
    assert "1" in devices(gpu_node)


def test_the_command_names_the_reason_why_there_is_none(gpu_node: Node) -> None:
    done = gpu_node.run("cdi")
    assert done.returncode == 30
    assert done.stderr == "nvidia-installer: there are no CDI specifications: no driver is installed\n"


def test_the_device_plugin_finds_the_libraries_in_lib64(gpu_node: Node) -> None:
    gpu_node.installs()
    assert (gpu_node.drivers / "current/lib64/libcuda.so.1").exists()


@pytest.mark.parametrize("command", [["cdi", "nvidia.com/gpu"], ["cdi", "--print", "x"]])
def test_another_argument_is_a_usage_error(gpu_node: Node, command: list[str]) -> None:
    assert gpu_node.run(*command).returncode == 2
