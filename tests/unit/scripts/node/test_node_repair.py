"""Tests of the repairs by `wait` and by a second `install`: modules, files, device files and readiness."""

import shlex
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.support.machines.node_host import DRIVER, LOADED, NAME, NODE, Node
from tests.support.machines.node_image import make_image
from tests.support.machines.node_processes import running, stop, until, waiting
from tests.support.machines.node_programs import MODULE_FOLDER


def is_ready(node: Node) -> bool:
    """Return whether the probe succeeds."""
    return node.run("status", "--quiet").returncode == 0


def lose_a_module(node: Node) -> None:
    shutil.rmtree(node.sysfs / "module/nvidia_uvm")
    (node.sysfs / "module/nvidia/holders/nvidia_uvm").rmdir()


def lose_all_modules(node: Node) -> None:
    for name in node.loaded():
        shutil.rmtree(node.sysfs / "module" / name)


LOSSES: dict[str, Callable[[Node], object]] = {
    "a module": lose_a_module,
    "all modules": lose_all_modules,
    "the store": lambda node: shutil.rmtree(node.drivers),
    "the current link": lambda node: (node.drivers / "current").unlink(),
    "the modules' folder": lambda node: shutil.rmtree(node.drivers / NAME / "lib/modules"),
    "the programs": lambda node: shutil.rmtree(node.drivers / NAME / "bin"),
    "a library": lambda node: (node.drivers / NAME / f"lib/libcuda.so.{DRIVER}").unlink(),
    "a library's bytes": lambda node: (node.drivers / NAME / f"lib/libcuda.so.{DRIVER}").write_bytes(b"FLE"),
    "a library's mode": lambda node: (node.drivers / NAME / f"lib/libcuda.so.{DRIVER}").chmod(0o4755),
    "a module's bytes": lambda node: (node.drivers / NAME / MODULE_FOLDER / "nvidia.ko").write_bytes(b""),
    "an index": lambda node: next((node.drivers / NAME).rglob("modules.dep")).unlink(),
    "the listing": lambda node: (node.drivers / NAME / "installed.list").unlink(),
    "a device file": lambda node: (node.host / "dev/nvidia0").unlink(),
    "a device's link": lambda node: (node.host / "dev/char/195:0").unlink(),
    "the readiness files": lambda node: shutil.rmtree(node.host / "run/nvidia/validations"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_driver_that_lost_something_is_not_ready(node: Node, loss: str) -> None:
    node.installs()
    LOSSES[loss](node)
    assert not is_ready(node)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_second_installation_repairs_it(node: Node, loss: str) -> None:
    node.installs()
    LOSSES[loss](node)
    node.installs()
    assert is_ready(node)
    assert node.loaded() == LOADED


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss.split()[-1] not in {"bytes", "mode", "listing"}])
def test_wait_repairs_it(node: Node, loss: str) -> None:
    # The first look at the files is right after the start.
    node.installs()
    with running(node, "wait") as process:
        LOSSES[loss](node)
        until(lambda: is_ready(node))
        stop(process)
    assert node.loaded() == LOADED


def test_a_damaged_driver_is_replaced_beside_it_and_removed(node: Node) -> None:
    node.installs()
    shutil.rmtree(node.drivers / NAME / "bin")
    node.installs()
    assert sorted(path.name for path in node.drivers.iterdir()) == [f"{NAME}.2", "current"]


def test_a_complete_driver_on_a_read_only_disk_is_loaded(node: Node) -> None:
    node.installs("--no-load")
    opt = shlex.quote(str(node.host / "opt"))
    mounts = [f"/usr/bin/mount --bind {opt} {opt}", f"/usr/bin/mount -o remount,bind,ro {opt}"]
    unshare = ("/usr/bin/unshare", "--user", "--map-root-user", "--mount")
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us make namespaces")
    script = "\n".join(("set -e", *mounts, f"exec {NODE}/nvidia-installer install"))
    done = subprocess.run([*unshare, "bash", "-c", script], env=node.env(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert node.loaded() == LOADED


@pytest.mark.parametrize("rebooted", [False, True])
def test_another_install_root_replaces_the_first(node: Node, rebooted: bool) -> None:
    node.installs()
    if rebooted:
        lose_all_modules(node)
        node.firmware_path.write_text("\n")
        shutil.rmtree(node.host / "run/nvidia")
    node.environment["INSTALL_ROOT"] = "/srv/nvidia"
    said = node.installs()
    assert f"removed {NAME} from /opt/nvidia, which was INSTALL_ROOT before\n" in said
    assert not node.drivers.exists()
    assert node.firmware_path.read_text().startswith("/srv/nvidia/")
    assert (node.host / "etc/ld.so.conf.d/nvidia-installer.conf").read_text() == "/srv/nvidia/current/lib\n"
    assert is_ready(node)


def test_files_of_others_in_an_older_install_root_stay(node: Node) -> None:
    node.installs()
    (node.drivers / "560-mine").mkdir()
    node.environment["INSTALL_ROOT"] = "/srv/nvidia"
    node.installs()
    assert [path.name for path in node.drivers.iterdir()] == ["560-mine"]


def test_the_drivers_of_a_container_of_the_gpu_operator_stay(node: Node) -> None:
    theirs = node.host / "run/nvidia/driver/opt/nvidia" / NAME
    (theirs / "lib/firmware").mkdir(parents=True)
    (theirs / "installed.env").write_text("DRIVER_VERSION=1\n")
    node.firmware_path.write_text(f"/run/nvidia/driver/opt/nvidia/{NAME}/lib/firmware\n")
    node.installs()
    assert (theirs / "installed.env").exists()


def test_an_old_driver_that_cannot_be_removed_is_no_obstacle(node: Node) -> None:
    for number in (2, 3):
        make_image(node, library=b"old" * number)
        node.installs()
    node.stub("rm", 'case "$*" in *.removing*) [ ! -d "$3" ] || { echo "rm: busy" >&2; exit 1; } ;; esac; exec rm "$@"')
    make_image(node)
    assert f"{NAME} stays on the disk: " in node.run("install").stderr
    assert is_ready(node)


def test_a_gpu_that_is_added_gets_its_device_file(node: Node) -> None:
    node.installs()
    with waiting(node) as process:
        gpu = node.proc / "driver/nvidia/gpus/0000:5e:00.0"
        gpu.mkdir()
        (gpu / "information").write_text("Device Minor: \t 1\n")
        until(lambda: (node.host / "dev/nvidia1").exists() and (node.folder / "dev/nvidia1").exists())
        stop(process)
    assert (node.host / "dev/char/195:1").is_symlink()


def test_a_repair_that_fails_is_tried_again_later(node: Node) -> None:
    node.installs()
    with waiting(node) as process:
        node.stub("depmod", "echo 'depmod: ERROR: broken' >&2; exit 1")
        shutil.rmtree(node.drivers)
        until(lambda: node.calls("depmod"))
        said = stop(process)
    assert said.count("the driver is not complete, and is installed again") == 1


def test_wait_does_not_install_again_what_uninstall_removed(node: Node) -> None:
    node.installs()
    with waiting(node) as process:
        assert node.run("uninstall").returncode == 0
        assert process.wait(timeout=30) == 32
    assert not node.drivers.exists()
    assert node.loaded() == set()


def test_wait_leaves_the_driver_of_a_newer_image_alone(node: Node) -> None:
    node.installs()
    with waiting(node) as process:
        (node.host / "run/nvidia/nvidia-installer.wanted").write_text("0" * 64 + "\n")
        shutil.rmtree(node.drivers / NAME / "bin")
        lose_a_module(node)
        assert "installed again" not in stop(process)
    assert node.loaded() != LOADED


@pytest.mark.parametrize("wanted", ["0" * 64 + "\n", None])
def test_a_repair_leaves_the_driver_that_another_run_has_chosen(node: Node, wanted: str | None) -> None:
    node.installs()
    file = node.host / "run/nvidia/nvidia-installer.wanted"
    file.write_text(wanted) if wanted else file.unlink()
    lose_all_modules(node)
    done = node.run("install", "--if-wanted")

    assert done.returncode == 0
    assert "another run has changed the node's driver, so this one is not installed again" in done.stderr
    assert node.loaded() == set()


def test_a_repair_of_the_driver_that_the_node_should_have_is_an_installation(node: Node) -> None:
    node.installs()
    lose_all_modules(node)

    assert node.run("install", "--if-wanted").returncode == 0
    assert is_ready(node)
