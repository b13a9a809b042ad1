"""Tests of the files and modules on a node after `nvidia-installer install` has succeeded."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.machines.node_host import DRIVER, LOADED, NAME, NODE, Node
from tests.support.machines.node_image import make_image, write_manifests
from tests.support.machines.node_programs import KERNEL, MODULE_FOLDER


def test_install_puts_the_driver_on_the_host_makes_it_current_and_loads_it(node: Node) -> None:
    said = node.installs()
    current = node.drivers / "current"
    assert current.readlink() == Path(NAME)
    assert (current / "lib/libcuda.so.1").read_bytes() == b"ELF"
    assert os.access(current / "bin/nvidia-smi", os.X_OK)
    assert (current / MODULE_FOLDER / "type").read_text() == "proprietary"
    assert node.loaded() == LOADED
    assert node.firmware_path.read_text() == f"/opt/nvidia/{NAME}/lib/firmware"
    assert said.endswith(f"nvidia-installer: driver {NAME} (proprietary) is installed in /opt/nvidia\n")


def test_what_is_left_on_the_host_is_what_the_reference_lists(node: Node) -> None:
    (node.host / "var").mkdir()
    (node.host / "var/run").symlink_to("/run")
    before = node.tree()
    node.installs()
    added = node.tree().keys() - before.keys()
    assert {name.removeprefix("host/") for name in added if name.startswith("host/") and NAME not in name} == {
        "dev/char",
        "dev/char/195:0",
        "dev/char/195:254",
        "dev/char/195:255",
        "dev/char/238:0",
        "dev/char/238:1",
        "dev/nvidia-modeset",
        "dev/nvidia-uvm",
        "dev/nvidia-uvm-tools",
        "dev/nvidia0",
        "dev/nvidiactl",
        "etc/ld.so.conf.d/nvidia-installer.conf",
        "opt/nvidia",
        "opt/nvidia/current",
        "run/cdi",
        "run/cdi/.nvidia-installer-made",
        "run/cdi/nvidia-installer.nvidia.com-gpu.json",
        "run/nvidia",
        "run/nvidia/nvidia-installer.parameters",
        "run/nvidia/nvidia-installer.ready",
        "run/nvidia/nvidia-installer.wanted",
        "run/nvidia/validations",
        "run/nvidia/validations/.driver-ctr-ready",
    }


def test_the_real_modprobe_finds_the_modules_and_their_order(node: Node) -> None:
    node.installs()
    command = ["modprobe", "-d", str(node.drivers / NAME), "-S", KERNEL, "--show-depends", "nvidia-uvm"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": "/usr/sbin:/sbin"}).stdout
    assert [Path(line.split()[1]).name for line in shown.splitlines()] == ["nvidia.ko", "nvidia-uvm.ko"]


def test_the_second_run_writes_nothing_and_loads_nothing(node: Node) -> None:
    node.installs()
    before, loads = node.stat(), node.calls("modprobe")
    assert node.installs() == f"nvidia-installer: driver {NAME} (proprietary) is installed in /opt/nvidia\n"
    assert node.stat() == before
    assert node.calls("modprobe") == loads


def test_the_second_run_without_loading_writes_nothing_either(node: Node) -> None:
    node.installs("--no-load")
    before = node.stat()
    node.installs("--no-load")
    assert node.stat() == before


def test_a_lost_readiness_is_restored_and_nothing_else_is_touched(node: Node) -> None:
    node.installs()
    before, loads = node.tree(), node.calls("modprobe")
    shutil.rmtree(node.host / "run/nvidia/validations")
    node.installs()
    assert node.tree() == before
    assert node.calls("modprobe") == loads


def test_missing_files_are_restored_under_the_loaded_driver(node: Node) -> None:
    node.installs()
    reference, loads = node.tree(), node.calls("modprobe")
    shutil.rmtree(node.drivers)
    node.installs()
    assert node.tree() == reference
    assert node.calls("modprobe") == loads


def test_no_load_only_unpacks_whatever_the_kernel_runs_and_has_loaded(node: Node) -> None:
    node.environment["KERNEL"] = "6.1.0-56-cloud-amd64"
    node.pretend_loaded("535.309.01")
    node.empty_bus()
    node.installs("--no-load")
    assert (node.drivers / "current/bin/nvidia-smi").exists()
    assert node.firmware_path.read_text() == "\n"
    assert not node.calls("modprobe")
    assert not list((node.host / "dev").iterdir())


def test_the_other_module_type_is_installed_beside_the_first(node: Node) -> None:
    node.installs("--no-load")
    node.environment["KERNEL_MODULE_TYPE"] = "open"
    node.installs("--no-load")
    assert (node.drivers / "current" / MODULE_FOLDER / "type").read_text() == "open"
    assert sorted(path.name for path in node.drivers.iterdir()) == [NAME, f"{NAME}.2", "current", "previous"]
    assert (node.drivers / "previous").readlink() == Path(NAME)


def test_the_way_back_to_the_previous_driver_unpacks_nothing(node: Node) -> None:
    node.installs()
    node.environment["KERNEL_MODULE_TYPE"] = "open"
    node.installs()
    node.environment["KERNEL_MODULE_TYPE"] = "proprietary"
    assert "unpacking" not in node.installs()
    assert (node.drivers / "current").readlink() == Path(NAME)
    assert (node.drivers / "previous").readlink() == Path(f"{NAME}.2")


def test_an_image_of_the_same_name_that_was_built_anew_is_unpacked_again(node: Node) -> None:
    node.installs("--no-load")
    make_image(node, library=b"built anew")
    write_manifests(node.image, BUILD="2")
    node.installs("--no-load")
    assert (node.drivers / "current/lib/libcuda.so.1").read_bytes() == b"built anew"


def test_only_the_current_driver_and_the_one_before_it_stay(node: Node) -> None:
    for build in ("1", "2", "3"):
        write_manifests(node.image, BUILD=build)
        said = node.installs()
    assert sorted(path.name for path in node.drivers.iterdir()) == [f"{NAME}.2", f"{NAME}.3", "current", "previous"]
    assert f"removed {NAME}, which is neither the current nor the previous driver" in said


def test_a_folder_that_is_no_driver_is_not_removed(node: Node) -> None:
    (node.drivers / "mine").mkdir(parents=True)
    node.installs()
    assert (node.drivers / "mine").is_dir()


def test_it_works_where_the_image_puts_it_and_through_a_link(node: Node) -> None:
    shutil.copytree(NODE / "lib", node.image / "lib")
    (node.image / "bin").mkdir()
    shutil.copy(NODE / "nvidia-installer", node.image / "bin")
    link = node.folder / "nvidia-installer"
    link.symlink_to(node.image / "bin/nvidia-installer")
    assert node.run("install", program=link).returncode == 0
    assert (node.drivers / "current/bin/nvidia-smi").exists()


def test_a_driver_that_nvidia_smi_cannot_use_is_not_ready(node: Node) -> None:
    node.environment.update(SMI_SAYS="No devices were found", SMI_CODE="6")
    done = node.run("install")
    assert done.returncode == 26
    assert "nvidia-installer: | No devices were found\n" in done.stderr
    assert not (node.host / "run/nvidia/nvidia-installer.ready").exists()
    del node.environment["SMI_CODE"]
    node.installs()


def test_unpack_needs_neither_root_nor_the_kernel(node: Node) -> None:
    node.environment.update(USER_ID="1000", KERNEL="6.6.1", KERNEL_MODULE_TYPE="open")
    before = node.stat()
    target = node.folder / "a folder/below"
    done = node.run("unpack", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (target / "bin/nvidia-smi").exists()
    assert (target / MODULE_FOLDER / "type").read_text() == "open"
    assert node.stat() == before


def test_unpack_takes_an_empty_folder_and_no_other(node: Node) -> None:
    target = node.folder / "target"
    target.mkdir()
    assert node.run("unpack", str(target)).returncode == 0
    done = node.run("unpack", str(target))
    assert (done.returncode, done.stderr) == (
        2,
        f"nvidia-installer: {target} is not an empty folder; see nvidia-installer --help\n",
    )


def test_the_records_name_the_driver(node: Node) -> None:
    node.installs("--no-load")
    assert f"DRIVER_VERSION={DRIVER}\n" in (node.drivers / "current/installed.env").read_text()
