"""`nvidia-installer uninstall`: install the other way round."""

import shutil

from tests.support.machines.node_host import DRIVER, LOADED, OLD_DRIVER, Node, own, uninstalls
from tests.support.machines.node_image import make_image
from tests.support.machines.node_report import without_failure


def test_nothing_is_left(node: Node) -> None:
    (node.sysfs / "module/nouveau").mkdir()
    before = node.tree()
    node.installs()
    assert uninstalls(node).endswith("nvidia-installer: no driver is installed in /opt/nvidia any more\n")
    gone = {"sys/module/nouveau"}
    assert own(node.tree()) == {path: value for path, value in own(before).items() if path not in gone}
    assert not list((node.host / "dev/char").iterdir())


def test_a_second_time_it_does_nothing(node: Node) -> None:
    node.installs()
    uninstalls(node)
    before = node.stat()
    uninstalls(node)
    assert node.stat() == before


def test_all_drivers_go_whichever_image_does_it(node: Node) -> None:
    node.installs()
    make_image(node, driver=OLD_DRIVER)
    node.installs("--no-load")
    uninstalls(node)
    assert not node.drivers.exists()
    assert node.loaded() == set()


def test_a_driver_in_use_stays_and_its_users_are_named(node: Node) -> None:
    node.installs()
    node.add_process(41, "train.py", "/dev/nvidia0")
    before = node.stat()
    done = node.run("uninstall")
    assert done.returncode == 21
    said = "nvidia-installer: uninstall must unload the driver, but it is in use by process 41 (train.py)"
    assert done.stderr.startswith(said)
    assert without_failure(node.stat()) == without_failure(before)


OWN_POD, OTHER_POD = (
    f"/kubepods.slice/kubepods-pod{uid}_0e1f_4a5b_9c6d_7e8f90a1b2c3.slice/c.scope" for uid in ("8c1fd2d3", "9d2fd2d3")
)


def in_a_pod(node: Node, *, user_in: str) -> None:
    """Install in a pod of Kubernetes, with a process that uses the driver in this or another one."""
    (node.proc / "self/cgroup").write_text(f"0::{OWN_POD}\n")
    node.installs()
    node.add_process(41, "nvidia-device-p", "/dev/nvidiactl", cgroup=user_in)


def test_users_in_the_same_pod_are_given_time_to_end(node: Node) -> None:
    in_a_pod(node, user_in=OWN_POD)
    node.stub("sleep", f"rm -rf {node.proc}/41")
    uninstalls(node)
    assert node.loaded() == set()


def test_a_user_in_the_same_pod_that_does_not_end_is_named(node: Node) -> None:
    in_a_pod(node, user_in=OWN_POD)
    node.environment["DAEMON_STOP_SECONDS"] = "1"
    done = node.run("uninstall")
    assert done.returncode == 21
    assert "process 41 (nvidia-device-p) in pod 8c1fd2d3-0e1f-4a5b-9c6d-7e8f90a1b2c3" in done.stderr


def test_users_in_other_pods_are_not_waited_for(node: Node) -> None:
    in_a_pod(node, user_in=OTHER_POD)
    node.stub("sleep", "exit 0")
    assert node.run("uninstall").returncode == 21
    assert node.calls("sleep") == []


def test_keep_modules_leaves_a_driver_in_use_loaded_until_the_reboot(node: Node) -> None:
    node.installs()
    node.add_process(41, "train.py", "/dev/nvidia0")
    uninstalls(node, "--keep-modules")
    assert node.loaded() == LOADED
    assert (node.host / "dev/nvidia0").exists()
    assert not node.drivers.exists()
    assert not (node.host / "run/nvidia/nvidia-installer.ready").exists()


def test_a_driver_that_somebody_else_has_loaded_stays(node: Node) -> None:
    node.pretend_loaded(DRIVER)
    node.installs("--no-load")
    assert f"driver {DRIVER} stays loaded: it does not come from /opt/nvidia" in uninstalls(node)
    assert node.loaded() == {"nvidia"}
    assert not node.drivers.exists()


def test_what_others_keep_beside_our_drivers_stays(node: Node) -> None:
    node.installs()
    (node.drivers / "mine").mkdir()
    (node.host / "run/nvidia/toolkit.pid").write_text("1\n")
    uninstalls(node)
    assert [path.name for path in node.drivers.iterdir()] == ["mine"]
    assert [path.name for path in (node.host / "run/nvidia").iterdir()] == ["toolkit.pid"]


def test_device_files_of_others_stay(node: Node) -> None:
    node.installs()
    for name in ("nvidia-fs0", "nvidiafoo", "null"):
        (node.host / "dev" / name).write_text("c 1 3 666\n")
    uninstalls(node)
    assert {path.name for path in (node.host / "dev").iterdir()} == {"char", "nvidia-fs0", "nvidiafoo", "null"}


def test_it_needs_neither_a_certain_kernel_nor_a_gpu(node: Node) -> None:
    node.installs()
    node.empty_bus()
    node.environment["KERNEL"] = "6.6.1"
    uninstalls(node)
    assert not node.drivers.exists()


def test_without_a_driver_folder_there_is_nothing_to_do(node: Node) -> None:
    before = node.stat()
    shutil.rmtree(node.image / "parameters", ignore_errors=True)
    uninstalls(node)
    assert node.stat() == before
