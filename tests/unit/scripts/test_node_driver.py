"""`nvidia-driver`: the contract between NVIDIA's GPU Operator and a driver container."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.machines.node_host import LOADED, NAME, NODE, Node
from tests.support.machines.node_image import make_image
from tests.support.machines.node_processes import daemon_program, pid_in, until

READY = "nvidia-installer: the driver is ready; waiting for a signal\n"
DRIVER = NODE / "nvidia-driver"


@contextmanager
def initialised(node: Node, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """Run `nvidia-driver init` until it waits for a signal."""
    command = [str(DRIVER), "init", *flags]
    with subprocess.Popen(
        command, env=node.env(), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stderr
            said = []
            for line in process.stderr:
                said.append(line)
                if line == READY:
                    break
            else:
                pytest.fail("".join(said))
            yield process
        finally:
            process.kill()


def stop(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=30)[1]
    return process.returncode, said


def state(node: Node) -> dict[str, str]:
    folder = node.host / "run/nvidia"
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_without_the_hosts_root_a_firmware_path_is_taken_as_used(node: Node) -> None:
    node.firmware_path.write_text("/srv/firmware\n")
    with initialised(node):
        assert node.firmware_path.read_text() == "/srv/firmware\n"


def test_init_installs_loads_and_stays_until_the_signal_unloads_it(node: Node) -> None:
    with initialised(node) as process:
        assert node.loaded() == LOADED
        assert process.poll() is None
        code, said = stop(process)
    assert (code, said) == (0, "nvidia-installer: unloaded the kernel modules\n")
    assert node.loaded() == set()
    assert state(node) == {}


def test_the_containers_root_is_mounted_on_the_host_before_modules_load(node: Node) -> None:
    with initialised(node):
        root = node.host / "run/nvidia/driver"
        assert node.calls("mount") == ["--make-runbindable /sys", "--make-private /sys", f"--rbind {node.host} {root}"]
        calls = (node.folder / "calls").read_text()
        assert calls.index("mount --rbind") < calls.index("modprobe")
        assert node.firmware_path.read_text() == f"/run/nvidia/driver/opt/nvidia/{NAME}/lib/firmware"


def test_a_mount_that_another_container_has_left_is_taken_away_first(node: Node) -> None:
    entry, mounts = f"overlay {node.host}/run/nvidia/driver overlay rw 0 0", node.proc / "self/mounts"
    mounts.write_text(f"{entry}\n")
    node.stub("mount", f"echo {entry} >{mounts}")
    node.stub("umount", f"echo >{mounts}")
    with initialised(node) as process:
        assert node.calls("umount") == [f"-l -R {node.host}/run/nvidia/driver"]
        stop(process)
    assert len(node.calls("umount")) == 2


def test_the_firmware_path_is_empty_again_after_the_signal(node: Node) -> None:
    with initialised(node) as process:
        stop(process)
    assert node.firmware_path.read_text() == "\n"


def test_programs_and_libraries_are_linked_where_the_operator_looks(node: Node) -> None:
    own = node.host / "usr/bin/nvidia-smi.own"
    own.parent.mkdir(parents=True)
    own.write_text("the image's")
    with initialised(node):
        library = node.host / "usr/lib/x86_64-linux-gnu/libcuda.so.1"
        assert not str(library.readlink()).startswith("/")
        assert library.read_bytes() == b"ELF"
        assert os.access(node.host / "usr/bin/nvidia-smi", os.X_OK)
        elsewhere = node.folder / "seen from elsewhere"
        shutil.move(node.host / "usr", elsewhere / "usr")
        shutil.move(node.host / "opt", elsewhere / "opt")
        assert (elsewhere / "usr/lib/x86_64-linux-gnu/libcuda.so.1").read_bytes() == b"ELF"


def test_the_operators_files_tell_how_far_it_is(node: Node) -> None:
    node.environment["DRIVER_CONFIG_DIGEST"] = "4711"
    with initialised(node) as process:
        told = state(node)
        assert told["nvidia-driver.pid"] == f"{process.pid}\n"
        assert told["nvidia-driver.state"] == "4711\n"
        assert told["validations/.driver-daemons-status"] == "Ready\n"
        assert "GDRCOPY_ENABLED: false\n" in told["validations/.driver-ctr-ready"]


def test_while_it_fails_the_operator_is_told_that_it_is_not_ready(node: Node) -> None:
    node.environment["REFUSED"] = "nvidia"
    done = node.run("init", program=DRIVER)
    assert done.returncode == 20
    assert state(node)["validations/.driver-daemons-status"] == "NotReady\n"
    assert "validations/.driver-ctr-ready" not in state(node)


def test_a_container_that_fails_does_not_leave_its_root_on_the_host(node: Node) -> None:
    node.environment["REFUSED"] = "nvidia"
    node.stub("mount", f"echo overlay {node.host}/run/nvidia/driver overlay rw 0 0 >{node.proc}/self/mounts")
    assert node.run("init", program=DRIVER).returncode == 20
    assert node.calls("umount") == [f"-l -R {node.host}/run/nvidia/driver"]


def test_jobs_that_still_run_keep_their_driver_when_the_container_ends(node: Node) -> None:
    with initialised(node) as process:
        node.add_process(41, "train.py", "/dev/nvidia0")
        code, said = stop(process)
    assert (code, node.loaded()) == (21, LOADED)
    assert "the driver is in use by process 41 (train.py), so it stays loaded and mounted\n" in said
    assert "nvidia-driver.state" not in state(node) or node.calls("umount") == []


def test_the_next_container_goes_on_with_the_driver_that_jobs_kept(node: Node) -> None:
    with initialised(node) as process:
        node.add_process(41, "train.py", "/dev/nvidia0")
        stop(process)
    shutil.rmtree(node.host / "opt/nvidia")  # a new container's root
    loads = node.calls("modprobe")
    with initialised(node):
        assert node.calls("modprobe") == loads


def test_a_second_container_is_refused_and_daemons_do_not_hold_the_lock(node: Node) -> None:
    make_image(node, programs={"nvidia-persistenced": daemon_program()})
    node.environment.update(LOG=str(node.folder), PROC_ROOT="/proc")
    with initialised(node) as process:
        until(lambda: pid_in(node.folder / "nvidia-persistenced.pid"))
        assert node.run("init", program=DRIVER).returncode == 14
        open_files = (node.folder / "nvidia-persistenced.descriptors").read_text().splitlines()
        assert str(node.host / "run/nvidia") not in open_files
        assert stop(process)[0] == 0


@pytest.mark.parametrize("flags", [["--accept-license"], ["-a", "-m", "8"], ["--max-threads=8"], ["--tag", "builtin"]])
def test_flags_of_nvidias_own_containers_are_ignored_and_said(node: Node, flags: list[str]) -> None:
    node.environment["KERNEL"] = "6.6.1"  # so that it ends
    done = node.run("init", *flags, program=DRIVER)
    assert done.returncode == 10
    assert f"{flags[0]} " in done.stderr
    assert "is ignored: the modules are already compiled" in done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["load"], ["init", "--force"], ["init", "--kernel"], ["probe_nvidia_peermem", "x"]]
)
def test_what_nobody_knows_is_a_usage_error(node: Node, arguments: list[str]) -> None:
    assert node.run(*arguments, program=DRIVER).returncode == 2


def test_update_does_nothing_on_its_kernel_and_names_the_image_on_another(node: Node) -> None:
    assert node.run("update", program=DRIVER).returncode == 0
    done = node.run("update", "--kernel", "6.12.120+deb13-cloud-amd64", program=DRIVER)
    assert done.returncode == 10
    assert "the image with the tag 550.163.01-6.12.120-deb13-cloud-amd64-debian-13" in done.stderr


def test_the_probe_of_peermem_asks_only_where_the_networks_driver_is(node: Node) -> None:
    assert node.run("probe_nvidia_peermem", program=DRIVER).returncode == 0
    (node.sysfs / "module/mlx5_core").mkdir()
    assert node.run("probe_nvidia_peermem", program=DRIVER).returncode == 30
    (node.sysfs / "module/nvidia_peermem").mkdir()
    assert node.run("probe_nvidia_peermem", program=DRIVER).returncode == 0


def test_peermem_that_was_built_without_infiniband_says_why_it_does_not_load(node: Node) -> None:
    node.environment["USE_HOST_MOFED"] = "true"
    for module in ("mlx5_core", "nvidia"):
        (node.sysfs / "module" / module).mkdir()
    done = node.run("reload_nvidia_peermem", program=DRIVER)
    assert done.returncode == 20
    assert node.calls("modprobe") == [f"-d {node.host}/run/nvidia/driver/opt/nvidia/current nvidia-peermem"]


def test_it_works_beside_the_installer_where_the_image_puts_it(node: Node) -> None:
    shutil.copytree(NODE / "lib", node.image / "lib")
    (node.image / "bin").mkdir()
    for name in ("nvidia-installer", "nvidia-driver"):
        shutil.copy(NODE / name, node.image / "bin")
    link = Path(node.folder / "nvidia-driver")
    link.symlink_to(node.image / "bin/nvidia-driver")
    assert node.run("update", program=link).returncode == 0
