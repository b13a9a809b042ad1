"""Killed before any of its changes, or out of room on the disk: the next run ends as if nothing had happened."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.machines.node_host import NAME, NODE, OLD_DRIVER, OLD_NAME, SYSTEM_PATH, Node
from tests.support.machines.node_image import make_image, make_node
from tests.support.machines.node_processes import killing
from tests.support.machines.node_programs import MODULE_FOLDER


def keep(node: Node) -> Callable[[], None]:
    """Remember host and kernel as they are; the result puts them back."""
    roots = {root: node.folder / f"kept-{root.name}" for root in (node.host, node.sysfs)}
    for root, kept in roots.items():
        shutil.copytree(root, kept, symlinks=True)

    def reset() -> None:
        for root, kept in roots.items():
            shutil.rmtree(root)
            shutil.copytree(kept, root, symlinks=True)

    return reset


def is_whole(installed: Path) -> bool:
    return all(
        (installed / name).exists() for name in ("bin/nvidia-smi", f"{MODULE_FOLDER}/nvidia.ko", "installed.env")
    )


WORKERS = 2


def on_each_of(work: Callable[[Node, int], None], folder: Path, modules: Path) -> None:
    """Share the work out to nodes with few device files, each of which is made in the same way."""
    nodes = []
    for number in range(WORKERS):
        nodes.append(make_node(folder / str(number), modules))
        (nodes[-1].proc / "devices").write_text("195 nvidia\n")
        shutil.rmtree(nodes[-1].proc / "driver/nvidia/gpus")
        shutil.rmtree(nodes[-1].folder / "dev")
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, nodes, range(WORKERS)))


def test_an_upgrade_killed_at_any_step_is_finished_by_the_next_run(tmp_path: Path, modules: Path) -> None:
    """Upgrade from the other module type, of the same name, with an older driver to remove and no device files."""

    def work(node: Node, share: int) -> None:
        make_image(node, driver=OLD_DRIVER)
        node.installs("--no-load")
        make_image(node)
        node.environment["KERNEL_MODULE_TYPE"] = "open"
        node.installs()
        node.environment["KERNEL_MODULE_TYPE"] = "auto"
        for file in (node.host / "dev").glob("nvidia*"):
            file.unlink()
        reset = keep(node)
        run = killing(node)
        changes = run(None)
        reference = node.tree()
        assert {"tar", "rmmod", "mv", "modprobe", "mknod", "rm"} <= {change.split()[0] for change in changes}
        assert not (node.drivers / OLD_NAME).exists()
        for number in range(1 + share, len(changes) + 1, WORKERS):
            reset()
            assert run(number)[-1].split()[0] == changes[number - 1].split()[0]
            assert is_whole(node.drivers / "current"), changes[number - 1]
            run(None)
            assert node.tree() == reference, changes[number - 1]

    on_each_of(work, tmp_path, modules)


def test_a_repair_killed_at_any_step_is_finished_by_the_next_run(tmp_path: Path, modules: Path) -> None:
    def work(node: Node, share: int) -> None:
        node.installs()
        shutil.rmtree(node.drivers / NAME / "bin")
        (node.drivers / NAME / MODULE_FOLDER / "nvidia.ko").write_bytes(b"")
        shutil.rmtree(node.sysfs / "module/nvidia_uvm")
        (node.sysfs / "module/nvidia/holders/nvidia_uvm").rmdir()
        (node.host / "dev/nvidiactl").unlink()
        reset = keep(node)
        run = killing(node)
        changes = run(None)
        reference = node.tree()
        assert {"tar", "mv", "modprobe", "mknod", "rm"} <= {change.split()[0] for change in changes}
        for number in range(1 + share, len(changes) + 1, WORKERS):
            reset()
            run(number)
            run(None)
            assert node.tree() == reference, changes[number - 1]
            assert is_whole(node.drivers / "current"), changes[number - 1]

    on_each_of(work, tmp_path, modules)


def test_an_uninstallation_killed_at_any_step_is_finished_by_the_next_run(tmp_path: Path, modules: Path) -> None:
    def work(node: Node, share: int) -> None:
        reference = node.tree()
        node.installs()
        reset = keep(node)
        run = killing(node, "uninstall")
        changes = run(None)
        drm, char = "sys/module/drm", "host/dev/char"  # the kernel's own module, and the folder that udev has, too
        for number in range(1 + share, len(changes) + 1, WORKERS):
            reset()
            run(number)
            run(None)
            left = {path for path in node.tree().keys() - reference.keys() if not path.startswith((drm, char))}
            assert left == set(), changes[number - 1]

    on_each_of(work, tmp_path, modules)


def test_what_gets_a_name_is_on_the_disk_before_and_the_name_itself_after(node: Node) -> None:
    changes = [" ".join(Path(word).name for word in change.split() if word != "--") for change in killing(node)(None)]
    first, end = changes.index("sync --file-system .unpacking"), changes.index("mv -T .link current")
    changes = [re.sub(r"\.nvidia-installer\.[0-9a-f-]{36}", ".new", change) for change in changes]
    assert changes[first : end + 2] == [
        "sync --file-system .unpacking",
        f"mv -T .unpacking {NAME}",
        "sync nvidia",
        "mv -T .new nvidia-installer.wanted",
        f"ln -sfn {NAME} .link",
        "mv -T .link current",
        "sync nvidia",
    ]


def on_a_small_disk(node: Node, size: str, *commands: str, folder: str = "opt") -> subprocess.CompletedProcess[str]:
    """Run commands where a folder of the host is a tmpfs of this size, in namespaces that leave the machine alone."""
    unshare = ("/usr/bin/unshare", "--user", "--map-root-user", "--mount")
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us make namespaces")
    mount = f"/usr/bin/mount -t tmpfs -o size={size} none {shlex.quote(str(node.host / folder))}"
    command = [*unshare, "bash", "-c", "\n".join((mount, *commands))]
    return subprocess.run(command, env=node.env(), capture_output=True, text=True, check=False)


INSTALL = shlex.join((str(NODE / "nvidia-installer"), "install"))


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_written(node: Node) -> None:
    make_image(node, library=os.urandom(3 << 20))
    done = on_a_small_disk(node, "2m", INSTALL, "code=$?", 'ls -A "$HOST_ROOT/opt"', "exit $code")
    assert (done.returncode, done.stdout) == (13, "")
    assert done.stderr.endswith("/host/opt has 2 MiB free, and the driver needs 5 MiB; free some space and run again\n")


def test_a_full_run_folder_is_noticed_before_anything_is_written(node: Node) -> None:
    (node.host / "run").mkdir(exist_ok=True)
    fill = f'PATH={SYSTEM_PATH} head -c 1M /dev/zero >"$HOST_ROOT/run/other" 2>/dev/null'
    look = ("code=$?", 'ls -A "$HOST_ROOT/opt"', "exit $code")
    done = on_a_small_disk(node, "64k", fill, INSTALL, *look, folder="run")
    assert (done.returncode, done.stdout) == (13, "")
    assert "/host/run/nvidia has 0 MiB free, and the driver needs 1 MiB; free some space and run again\n" in done.stderr
    assert not (node.sysfs / "module/nvidia").exists()


def test_a_disk_that_fills_up_leaves_the_old_driver_loaded_and_ready(node: Node) -> None:
    make_image(node, driver=OLD_DRIVER)
    node.image.rename(node.folder / "old-image")
    make_image(node, library=os.urandom(3 << 20))
    node.stub("df", "echo Avail; echo 1000000000")
    look = 'cd "$HOST_ROOT/opt/nvidia"; readlink current; ls -A . current/bin'
    first = f"NVIDIA_INSTALLER_HOME={shlex.quote(str(node.folder / 'old-image'))} {INSTALL} || exit 99"
    status = f"{shlex.quote(str(NODE / 'nvidia-installer'))} status --quiet || exit 98"
    done = on_a_small_disk(node, "2m", first, INSTALL, "code=$?", status, look, "exit $code")
    assert done.returncode == 13, done.stderr
    assert done.stdout.split() == [OLD_NAME, ".:", OLD_NAME, "current", "current/bin:", "nvidia-smi"]
    assert done.stderr.endswith(f": the disk of {node.drivers}/.unpacking is full; free some space and run again\n")
    assert (node.sysfs / "module/nvidia/version").read_text() == f"{OLD_DRIVER}\n"


def test_a_signal_ends_it_with_a_code_of_its_own_and_without_leftovers(node: Node) -> None:
    node.stub("depmod", "kill -TERM $(cut -d ' ' -f 6 /proc/$$/stat)\nexec depmod \"$@\"")  # its session's leader
    done = node.run("install")
    assert done.returncode == 143
    assert not list(node.drivers.glob(".*"))
    node.stub("depmod", 'exec depmod "$@"')
    node.installs()
