"""Tests of the content of CDI specifications."""

from tests.support.machines.node_cdi import OTHER_UUID, UUID, devices, mounts, set_gpu, spec
from tests.support.machines.node_host import DRIVER, NAME, Node


def test_a_ready_driver_has_a_specification_with_its_gpus(gpu_node: Node) -> None:
    gpu_node.installs()
    assert {key: spec(gpu_node)[key] for key in ("cdiVersion", "kind")} == {
        "cdiVersion": "0.5.0",
        "kind": "nvidia.com/gpu",
    }
    assert devices(gpu_node) == {name: ["/dev/nvidia0"] for name in ("0", UUID, "all")}


def test_all_gpus_have_their_files_and_the_name_all_has_those_of_each(gpu_node: Node) -> None:
    set_gpu(gpu_node, "0000:86:00.0", minor=4, uuid=OTHER_UUID)
    gpu_node.installs()
    found = devices(gpu_node)
    assert found["1"] == found[OTHER_UUID] == ["/dev/nvidia4"]
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
