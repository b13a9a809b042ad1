"""Tests of install with a loaded driver: none, the same, a different idle one, a different one in use."""

import pytest

from tests.support.machines.node_host import DRIVER, LOADED, NAME, OLD_DRIVER, Node
from tests.support.machines.node_image import make_image, srcversion_of
from tests.support.machines.node_report import without_failure

LOADED_ALREADY = "driver 535.309.01 is loaded and must be unloaded first"


def srcversion(node: Node) -> str:
    return (node.sysfs / "module/nvidia/srcversion").read_text().strip()


@pytest.fixture
def old(node: Node) -> Node:
    """Return a node on which the older driver is loaded and whose image has the newer one."""
    make_image(node, driver=OLD_DRIVER)
    node.installs()
    make_image(node)
    return node


def test_another_version_that_is_idle_is_unloaded_in_order_and_replaced(old: Node) -> None:
    assert "unloaded the kernel modules" in old.installs()
    assert old.calls("rmmod") == ["nvidia-drm", "nvidia-modeset", "nvidia-uvm", "nvidia"]
    assert (old.sysfs / "module/nvidia/version").read_text() == f"{DRIVER}\n"


def test_the_new_driver_is_unpacked_before_the_old_one_is_unloaded(old: Node) -> None:
    said = old.installs()
    assert said.index("unpacking") < said.index("unloaded") < said.index("loaded nvidia\n")


def test_the_other_module_type_of_the_same_version_replaces_the_first(node: Node) -> None:
    node.installs()
    node.environment["KERNEL_MODULE_TYPE"] = "open"
    assert "unloaded" in node.installs()
    assert srcversion(node) == srcversion_of(DRIVER, "open")


def test_another_version_that_is_in_use_stays_and_its_users_are_named(old: Node) -> None:
    pod = "8c1fd2d3-0e1f-4a5b-9c6d-7e8f90a1b2c3"
    old.add_process(41, "train.py", "/dev/nvidia0", "/dev/nvidiactl", cgroup=f"/kubepods/burstable/pod{pod}/c0ffee")
    old.add_process(42, "Xorg", "/run/nvidia/driver/dev/nvidia-modeset")
    old.add_process(43, "bash", "/dev/pts/0")
    (old.sysfs / "module/nvidia/holders/gdrdrv").mkdir()
    before = old.stat()
    done = old.run("install")
    assert done.returncode == 21
    assert done.stderr.splitlines() == [
        f"nvidia-installer: | process 41 (train.py) in pod {pod}",
        "nvidia-installer: | process 42 (Xorg)",
        "nvidia-installer: | kernel module gdrdrv",
        f"nvidia-installer: {LOADED_ALREADY}, but it is in use by process 41 (train.py) in pod {pod} and 2 more; "
        "drain the node's GPU users, or reboot the node",
    ]
    assert without_failure(old.stat()) == without_failure(before)


def test_no_more_than_ten_users_are_named(old: Node) -> None:
    for pid in range(100, 113):
        old.add_process(pid, "job", "/dev/nvidia0")
    said = old.run("install").stderr.splitlines()
    assert len(said) == 12
    assert said[-2] == "nvidia-installer: | and 3 more"


def test_a_pod_of_systemds_cgroups_is_named_by_its_uid(old: Node) -> None:
    slices = "kubepods.slice/kubepods-burstable-pod8c1fd2d3_0e1f_4a5b_9c6d_7e8f90a1b2c3.slice/cri-c0ffee.scope"
    old.add_process(41, "train.py", "/dev/nvidia0", cgroup=f"/{slices}")
    assert "process 41 (train.py) in pod 8c1fd2d3-0e1f-4a5b-9c6d-7e8f90a1b2c3; " in old.run("install").stderr


def test_a_user_outside_the_container_is_noticed_by_the_kernels_count(old: Node) -> None:
    (old.sysfs / "module/nvidia_uvm/refcnt").write_text("3\n")
    before = old.stat()
    done = old.run("install")
    assert done.returncode == 21
    assert "an unknown user of nvidia_uvm; set hostPID to see the processes of other containers" in done.stderr
    assert without_failure(old.stat()) == without_failure(before)


def test_a_user_in_the_kernel_is_not_blamed_on_a_missing_hostpid(old: Node) -> None:
    (old.sysfs / "module/nvidia_uvm/refcnt").write_text("3\n")
    (old.proc / "self/ns").mkdir(parents=True)
    (old.proc / "self/ns/pid").symlink_to("pid:[4026531836]")
    done = old.run("install")
    assert done.returncode == 21
    assert "an unknown user of nvidia_uvm in the kernel: no process has a device of NVIDIA open" in done.stderr
    assert "hostPID" not in done.stderr


def test_a_console_that_the_driver_shows_is_its_user(old: Node) -> None:
    (old.sysfs / "module/nvidia_drm").mkdir(exist_ok=True)
    (old.sysfs / "module/nvidia_drm/refcnt").write_text("1\n")
    (old.proc / "fb").write_text("0 nvidia-drmdrmfb\n")
    done = old.run("install")
    assert done.returncode == 21
    assert "in use by the console, which nvidia_drm shows; " in done.stderr


def test_a_module_that_cannot_be_unloaded_leaves_the_old_driver_current(old: Node) -> None:
    old.stub("rmmod", "echo 'rmmod: ERROR: Module nvidia_drm is in use' >&2; exit 1")
    done = old.run("install")
    assert done.returncode == 21
    assert f"{LOADED_ALREADY}, but the kernel does not unload nvidia-drm; reboot the node" in done.stderr
    assert OLD_DRIVER in str((old.drivers / "current").readlink())


def test_a_driver_that_somebody_else_has_loaded_gives_way_if_it_is_idle(node: Node) -> None:
    node.pretend_loaded(DRIVER)
    node.installs()
    assert node.loaded() == LOADED
    assert srcversion(node) == srcversion_of(DRIVER, "proprietary")


def test_a_driver_of_an_unknown_version_is_another_one(node: Node) -> None:
    (node.sysfs / "module/nvidia").mkdir()
    node.add_process(41, "train.py", "/dev/nvidia0")
    assert "driver of an unknown version is loaded" in node.run("install").stderr


def test_what_is_missing_of_the_same_driver_is_loaded_without_unloading(node: Node) -> None:
    node.installs()
    node.stub("rmmod", "exit 9")
    for module in ("nvidia_uvm",):
        (node.sysfs / "module/nvidia/holders" / module).rmdir()
        for file in (node.sysfs / "module" / module).iterdir():
            file.rmdir() if file.is_dir() else file.unlink()
        (node.sysfs / "module" / module).rmdir()
    node.installs()
    assert node.loaded() == LOADED


def test_the_same_driver_in_use_does_not_stop_a_restarted_container(node: Node) -> None:
    node.installs()
    node.add_process(41, "train.py", "/dev/nvidia0")
    before = node.stat()
    assert node.installs() == f"nvidia-installer: driver {NAME} (proprietary) is installed in /opt/nvidia\n"
    assert node.stat() == before
