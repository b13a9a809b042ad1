"""Tests of the CDI specifications: their content, and when they are written and removed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.machines.node_host import DRIVER, NAME, OLD_DRIVER, OLD_NAME, Node, uninstalls
from tests.support.machines.node_image import make_image
from tests.support.machines.node_processes import stop, until, waiting

UUID = "GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77"
PLUGIN = "k8s.device-plugin.nvidia.com/gpu"


@pytest.fixture
def gpu_node(node: Node) -> Node:
    """Return a node whose GPU has a UUID in procfs."""
    set_gpu(node, "0000:3b:00.0", minor=0, uuid=UUID)
    return node


def set_gpu(node: Node, address: str, *, minor: int, uuid: str) -> None:
    folder = node.proc / "driver/nvidia/gpus" / address
    folder.mkdir(exist_ok=True)
    (folder / "information").write_text(f"Model: \t\t NVIDIA H100\nGPU UUID: \t {uuid}\nDevice Minor: \t {minor}\n")


def spec_file(node: Node, kind: str = "nvidia.com/gpu") -> Path:
    return node.host / f"var/run/cdi/nvidia-installer.{kind.replace('/', '-')}.json"


def spec(node: Node, kind: str = "nvidia.com/gpu") -> dict[str, Any]:
    found = json.loads(spec_file(node, kind).read_text())
    assert isinstance(found, dict)
    return found


def devices(node: Node) -> dict[str, list[str]]:
    """Return the device files of each device in the specification by its name."""
    return {
        device["name"]: [entry["path"] for entry in device["containerEdits"]["deviceNodes"]]
        for device in spec(node)["devices"]
    }


def mounts(node: Node) -> dict[str, str]:
    """Return the path on the host of each mount by its path in the container."""
    found = spec(node)["containerEdits"]["mounts"]
    assert len({mount["containerPath"] for mount in found}) == len(found)
    return {mount["containerPath"]: mount["hostPath"] for mount in found}


def test_a_ready_driver_has_a_specification_with_its_gpus(gpu_node: Node) -> None:
    gpu_node.installs()
    assert {key: spec(gpu_node)[key] for key in ("cdiVersion", "kind")} == {
        "cdiVersion": "0.5.0",
        "kind": "nvidia.com/gpu",
    }
    assert devices(gpu_node) == {name: ["/dev/nvidia0"] for name in ("0", UUID, "all")}


def test_all_gpus_have_their_files_and_the_name_all_has_those_of_each(gpu_node: Node) -> None:
    other = UUID.replace("5d5b", "6e6b")
    set_gpu(gpu_node, "0000:86:00.0", minor=4, uuid=other)
    gpu_node.installs()
    found = devices(gpu_node)
    assert found["1"] == found[other] == ["/dev/nvidia4"]
    assert found["all"] == ["/dev/nvidia0", "/dev/nvidia4"]


def test_each_container_gets_the_files_that_all_gpus_share(gpu_node: Node) -> None:
    gpu_node.installs()
    edits = spec(gpu_node)["containerEdits"]
    assert [entry["path"] for entry in edits["deviceNodes"]] == [
        "/dev/nvidiactl",
        "/dev/nvidia-modeset",
        "/dev/nvidia-uvm",
        "/dev/nvidia-uvm-tools",
    ]
    assert edits["env"] == ["NVIDIA_VISIBLE_DEVICES=void"]
    assert "hooks" not in edits


def test_each_library_has_all_its_names_where_linkers_search(gpu_node: Node) -> None:
    gpu_node.installs()
    expected = {
        f"{folder}/{name}": f"/opt/nvidia/{NAME}/lib/{name}"
        for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64")
        for name in ("libcuda.so.1", f"libcuda.so.{DRIVER}")
    }
    assert {
        path: host for path, host in mounts(gpu_node).items() if "/lib/" in host and "firmware" not in host
    } == expected


def test_programs_and_firmware_are_mounted_where_programs_expect_them(gpu_node: Node) -> None:
    gpu_node.installs()
    found = mounts(gpu_node)
    assert found["/usr/bin/nvidia-smi"] == f"/opt/nvidia/{NAME}/bin/nvidia-smi"
    assert found[f"/lib/firmware/nvidia/{DRIVER}"] == f"/opt/nvidia/{NAME}/lib/firmware/nvidia/{DRIVER}"


def test_mounts_are_read_only_and_give_no_rights(gpu_node: Node) -> None:
    gpu_node.installs()
    for mount in spec(gpu_node)["containerEdits"]["mounts"]:
        assert {"ro", "nosuid", "nodev"} <= set(mount["options"])
        assert (gpu_node.host / mount["hostPath"].lstrip("/")).exists()


def test_a_container_of_arm64_gets_the_folder_of_its_architecture(gpu_node: Node) -> None:
    manifest = gpu_node.image / "manifest.env"
    manifest.write_text(manifest.read_text().replace("ARCHITECTURE=amd64", "ARCHITECTURE=arm64"))
    gpu_node.environment.update(MACHINE="aarch64", KERNEL_MODULE_TYPE="open")
    gpu_node.installs()
    assert "/usr/lib/aarch64-linux-gnu/libcuda.so.1" in mounts(gpu_node)


def test_the_folder_is_where_the_hosts_links_lead(gpu_node: Node) -> None:
    (gpu_node.host / "var").mkdir()
    (gpu_node.host / "var/run").symlink_to("/run")
    gpu_node.installs()
    assert (gpu_node.host / "run/cdi/nvidia-installer.nvidia.com-gpu.json").is_file()


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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nvidia.yaml", "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices: []\n"),
        ("nvidia.yaml", 'kind: "nvidia.com/gpu" # NVIDIA\n'),
        ("nvidia.json", '{"cdiVersion":"0.5.0","kind":"nvidia.com/gpu","devices":[]}'),
    ],
)
def test_devices_that_another_program_describes_are_left_to_it(gpu_node: Node, name: str, text: str) -> None:
    other = spec_file(gpu_node).parent / name
    other.parent.mkdir(parents=True)
    other.write_text(text)
    gpu_node.environment["CDI_KINDS"] = f"nvidia.com/gpu {PLUGIN}"
    said = gpu_node.installs()
    assert f"{other} describes the same devices; remove it, or change CDI_KINDS" in said
    assert not spec_file(gpu_node).exists()
    assert spec(gpu_node, PLUGIN)["kind"] == PLUGIN


def test_a_similar_kind_is_no_conflict(gpu_node: Node) -> None:
    other = spec_file(gpu_node).parent / "other.yaml"
    other.parent.mkdir(parents=True)
    other.write_text("kind: management.nvidia.com/gpu\n---\nkind: nvidia.com/gpu-extra\n---\nkind: nvidia-com/gpu\n")
    gpu_node.installs()
    assert spec_file(gpu_node).exists()


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
        set_gpu(gpu_node, "0000:86:00.0", minor=1, uuid=UUID.replace("5d5b", "6e6b"))
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
    set_gpu(gpu_node, "0000:86:00.0", minor=1, uuid=UUID.replace("5d5b", "6e6b"))
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
