"""Tests of the host's other files: devices, library configuration, readiness, nouveau's blacklist, IOMMU types."""

import shutil
from pathlib import Path

import pytest

from tests.support.machines.node_host import DRIVER, LOADED, NAME, OLD_NAME, Node
from tests.support.machines.node_programs import KERNEL


def devices(folder: Path) -> dict[str, str]:
    """Return the type, major, minor and mode of each device file by its path."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(path.relative_to(folder)): path.read_text().strip() for path in files}


ALWAYS = {"nvidiactl": "c 195 255 666", "nvidia-modeset": "c 195 254 666"}
UVM = {"nvidia-uvm": "c 238 0 666", "nvidia-uvm-tools": "c 238 1 666"}


def test_each_gpu_gets_its_device_file_on_the_host_and_in_the_container(node: Node) -> None:
    second = node.proc / "driver/nvidia/gpus/0000:86:00.0"
    second.mkdir()
    (second / "information").write_text("Device Minor: \t 4\n")
    node.installs()
    expected = {**ALWAYS, **UVM, "nvidia0": "c 195 0 666", "nvidia4": "c 195 4 666"}
    assert devices(node.host / "dev") == devices(node.folder / "dev") == expected


def test_each_device_file_has_its_link_by_number_which_systemd_looks_for(node: Node) -> None:
    node.installs()
    links = {path.name: str(path.readlink()) for path in (node.host / "dev/char").iterdir()}
    assert links == {
        "195:0": "../nvidia0",
        "195:254": "../nvidia-modeset",
        "195:255": "../nvidiactl",
        "238:0": "../nvidia-uvm",
        "238:1": "../nvidia-uvm-tools",
    }


def test_nvswitches_get_theirs(node: Node) -> None:
    (node.proc / "devices").write_text("195 nvidia\n236 nvidia-nvswitch\n")
    for address in ("0000:05:00.0", "0000:06:00.0"):
        (node.proc / "driver/nvidia-nvswitch/devices" / address).mkdir(parents=True)
    node.installs()
    switches = {f"nvidia-nvswitch{number}": f"c 236 {number} 666" for number in (0, 1)}
    expected = {**ALWAYS, "nvidia0": "c 195 0 666", "nvidia-nvswitchctl": "c 236 255 666", **switches}
    assert devices(node.host / "dev") == expected


def test_mig_capabilities_are_as_open_as_the_driver_wants(node: Node) -> None:
    folder = node.proc / "driver/nvidia/capabilities/mig"
    folder.mkdir(parents=True)
    (folder / "config").write_text("DeviceFileMinor: 1\nDeviceFileMode: 256\nDeviceFileModify: 1\n")
    (folder / "monitor").write_text("DeviceFileMinor: 2\nDeviceFileMode: 292\nDeviceFileModify: 1\n")
    node.installs()
    made = devices(node.host / "dev")
    assert made["nvidia-caps/nvidia-cap1"] == "c 234 1 400"
    assert made["nvidia-caps/nvidia-cap2"] == "c 234 2 444"
    assert (node.host / "dev/char/234:2").readlink() == Path("../nvidia-caps/nvidia-cap2")


def test_a_mig_instance_gets_its_files_and_those_of_its_parts(node: Node) -> None:
    folder = node.proc / "driver/nvidia/capabilities/gpu0/mig"
    for minor, path in ((12, "gi1/access"), (13, "gi1/ci0/access"), (21, "gi2/access")):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"DeviceFileMinor: {minor}\nDeviceFileMode: 292\nDeviceFileModify: 1\n")
    node.installs()
    made = {name: line for name, line in devices(node.host / "dev").items() if "caps" in name}
    assert made == {f"nvidia-caps/nvidia-cap{minor}": f"c 234 {minor} 444" for minor in (12, 13, 21)}


def test_a_device_file_of_another_number_is_replaced_and_a_right_one_left(node: Node) -> None:
    (node.host / "dev/nvidia-uvm").write_text("c 511 0 666\n")
    (node.host / "dev/nvidiactl").write_text("c 195 255 600\n")
    node.installs()
    made = devices(node.host / "dev")
    assert (made["nvidia-uvm"], made["nvidiactl"]) == ("c 238 0 666", "c 195 255 600")


def test_the_libraries_are_made_known_to_the_host(node: Node) -> None:
    node.installs()
    assert (node.host / "etc/ld.so.conf.d/nvidia-installer.conf").read_text() == "/opt/nvidia/current/lib\n"
    assert node.calls("ldconfig") == [f"-r {node.host}"]


def test_a_host_without_a_library_cache_gets_no_entry(node: Node) -> None:
    (node.host / "etc/ld.so.conf").unlink()
    node.installs()
    assert not list((node.host / "etc/ld.so.conf.d").iterdir())
    assert not node.calls("ldconfig")


def test_a_host_with_a_read_only_etc_gets_the_driver_too(node: Node) -> None:
    shutil.rmtree(node.host / "etc/ld.so.conf.d")
    (node.host / "etc/ld.so.conf.d").write_text("in the way")
    said = node.installs()
    assert "the host's programs do not find the driver's libraries: " in said
    assert node.loaded() == LOADED


def test_readiness_is_told_as_the_operators_startup_probe_tells_it(node: Node) -> None:
    node.environment["GPU_DIRECT_RDMA_ENABLED"] = "true"
    node.installs()
    assert (node.host / "run/nvidia/validations/.driver-ctr-ready").read_text() == (
        "GDRCOPY_ENABLED: false\nGDS_ENABLED: false\nGPU_DIRECT_RDMA_ENABLED: true\n"
    )
    assert (node.host / "run/nvidia/nvidia-installer.ready").read_text() == f"{NAME}\n"


def load_nouveau(node: Node, users: int) -> Path:
    (node.sysfs / "module/nouveau/holders").mkdir(parents=True)
    (node.sysfs / "module/nouveau/refcnt").write_text(f"{users}\n")
    return node.host / "etc/modprobe.d/nvidia-installer-nouveau.conf"


def test_nouveau_is_unloaded_and_blacklisted(node: Node) -> None:
    file = load_nouveau(node, users=0)
    assert "unloaded nouveau, which held the GPUs" in node.installs()
    assert file.read_text() == "blacklist nouveau\noptions nouveau modeset=0\n"
    assert node.calls("rmmod") == ["nouveau"]


def test_nouveau_in_use_is_only_blacklisted_for_the_next_boot(node: Node) -> None:
    file = load_nouveau(node, users=1)
    done = node.run("install")
    assert done.returncode == 24
    assert done.stderr.endswith("it is blacklisted now, so reboot the node\n")
    assert file.exists()
    assert not node.drivers.exists()


@pytest.mark.parametrize("has_it", [True, False])
def test_nouveau_is_blacklisted_where_the_hosts_kernel_has_it(node: Node, has_it: bool) -> None:
    folder = node.host / "lib/modules" / KERNEL
    folder.mkdir(parents=True)
    (folder / "modules.dep").write_text("kernel/drivers/gpu/drm/nouveau/nouveau.ko.xz: \n" if has_it else "")
    node.installs()
    assert (node.host / "etc/modprobe.d/nvidia-installer-nouveau.conf").exists() == has_it


@pytest.mark.parametrize(
    ("setting", "before", "after"),
    [
        ("auto", "DMA\n", "identity"),
        ("auto", "DMA-FQ\n", "DMA-FQ\n"),
        ("auto", "identity\n", "identity\n"),
        ("keep", "DMA\n", "DMA\n"),
    ],
)
def test_only_strict_groups_of_the_iommu_are_changed(node: Node, setting: str, before: str, after: str) -> None:
    group = node.sysfs / "bus/pci/devices/0000:3b:00.0/iommu_group"
    group.mkdir()
    (group / "type").write_text(before)
    node.environment["IOMMU_GROUP_TYPE"] = setting
    said = node.installs()
    assert (group / "type").read_text() == after
    assert ("is of type identity now; it was DMA" in said) == (before != after)


def test_the_firmware_path_of_an_older_driver_of_ours_is_replaced(node: Node) -> None:
    node.firmware_path.write_text(f"/opt/nvidia/{OLD_NAME}/lib/firmware\n")
    node.installs()
    assert node.firmware_path.read_text() == f"/opt/nvidia/{NAME}/lib/firmware"


@pytest.mark.parametrize(
    "path",
    [
        "/run/nvidia/driver/lib/firmware",
        f"/srv/nvidia/{OLD_NAME}/lib/firmware",
        "/srv/nvidia/current/lib/firmware",
    ],
)
def test_a_firmware_path_that_is_no_longer_used_is_replaced(node: Node, path: str) -> None:
    folder = node.host / "srv/nvidia" / OLD_NAME
    (folder / "lib/firmware").mkdir(parents=True)
    (folder / "installed.env").write_text("")
    (node.host / "srv/nvidia/current").symlink_to(f"/srv/nvidia/{OLD_NAME}")
    node.firmware_path.write_text(f"{path}\n")
    said = node.installs()
    wanted = f"/opt/nvidia/{NAME}/lib/firmware"
    assert f"the firmware search path was {path}, which is no longer used; it is {wanted} now\n" in said
    assert node.firmware_path.read_text() == wanted


def test_a_firmware_path_by_a_link_of_the_host_is_in_use(node: Node) -> None:
    (node.host / "srv/firmware").mkdir(parents=True)
    (node.host / "var").symlink_to("/srv")
    node.firmware_path.write_text("/var/firmware\n")
    node.installs()
    assert node.firmware_path.read_text() == "/var/firmware\n"


def test_a_firmware_path_that_another_program_has_set_stays_and_is_named(node: Node) -> None:
    (node.host / "run/nvidia/driver/lib/firmware").mkdir(parents=True)
    node.firmware_path.write_text("/run/nvidia/driver/lib/firmware\n")
    said = node.installs()
    assert "the firmware search path stays /run/nvidia/driver/lib/firmware, set by another program; " in said
    assert node.firmware_path.read_text() == "/run/nvidia/driver/lib/firmware\n"


def test_a_kernel_without_a_firmware_path_is_no_obstacle(node: Node) -> None:
    shutil.rmtree(node.firmware_path.parents[1])
    assert f"{node.firmware_path} is not writable; " in node.installs()


def test_the_firmware_lies_where_the_path_leads(node: Node) -> None:
    node.installs()
    path = Path(f"{node.host}{node.firmware_path.read_text()}")
    assert (path / f"nvidia/{DRIVER}/gsp_ga10x.bin").read_bytes() == b"firmware"
