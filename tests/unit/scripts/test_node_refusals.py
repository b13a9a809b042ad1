"""Tests of refusals by `nvidia-installer install`: the exit code, the message and the unchanged host."""

import fcntl
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lifecycle.config.versions import kernel_name
from lifecycle.planning.tags import tag_for
from tests.support.machines.node_host import NAME, OLD_DRIVER, Node
from tests.support.machines.node_image import archive, make_image, write_manifests
from tests.support.machines.node_programs import KERNEL, MODULE_FOLDER
from tests.support.machines.node_report import without_failure


def test_the_error_for_a_wrong_kernel_has_both_kernels_and_the_right_tag(node: Node) -> None:
    node.environment["KERNEL"] = "6.12.120+deb13-cloud-amd64"
    before = node.stat()
    done = node.run("install")
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr == (
        "nvidia-installer: this node runs 6.12.120+deb13-cloud-amd64, and the image is for 6.12.117+deb13-cloud-amd64; "
        "this node needs the image with the tag 550.163.01-6.12.120-deb13-cloud-amd64-debian-13\n"
    )
    assert node.stat() == before


@pytest.mark.parametrize(
    "kernel", ["6.12.25-gardener-custom", "6.8.5-301.fc40.x86_64", "6.12.25-notamd64", "6.1~rc1+x"]
)
def test_the_tag_for_a_wrong_kernel_is_that_of_the_images(node: Node, kernel: str) -> None:
    node.environment["KERNEL"] = kernel

    tag = tag_for("550.163.01", kernel_name(kernel, "amd64"), "debian-13")
    assert node.run("install").stderr.endswith(f"this node needs the image with the tag {tag}\n")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lacks_the_module_type(node: Node) -> None:
    write_manifests(node.image, MODULE_TYPES="open")
    node.environment.update(KERNEL_MODULE_TYPE="proprietary")


def append(path: Path, line: str) -> None:
    path.write_text(path.read_text() + line)


def point_in_a_circle(node: Node) -> None:
    (node.host / "opt").rmdir()
    (node.host / "opt").symlink_to("opt")


def mount_without_programs(node: Node) -> None:
    line = f"36 35 98:0 / {node.host}/opt rw,nosuid,noexec master:1 - ext4 /dev/vda1 rw\n"
    (node.proc / "self/mountinfo").write_text(f"22 1 98:1 / / rw - ext4 /dev/vda1 rw\n{line}")


def replace_by_a_file(path: Path) -> None:
    path.rmdir()
    path.write_text("")


def lock_down(node: Node) -> None:
    folder = node.sysfs / "kernel/security"
    folder.mkdir(parents=True)
    (folder / "lockdown").write_text("none [integrity] confidentiality\n")


def enforce_signatures(node: Node) -> None:
    folder = node.sysfs / "module/module/parameters"
    folder.mkdir(parents=True)
    (folder / "sig_enforce").write_text("Y\n")


REFUSALS: Mapping[str, tuple[Callable[[Node], object], int, str]] = {
    "architecture": (
        lambda n: n.environment.update(MACHINE="aarch64"),
        11,
        "this node is aarch64, and the image is for",
    ),
    "user": (lambda n: n.environment.update(USER_ID="1000"), 12, "nvidia-installer needs root"),
    "no archive": (lambda n: (n.image / "userspace.tar.zst").unlink(), 15, "userspace.tar.zst is missing"),
    "no manifest": (lambda n: (n.image / "manifest.json").unlink(), 15, "manifest.json is missing"),
    "no values": (lambda n: (n.image / "manifest.env").unlink(), 15, "manifest.env is missing"),
    "missing key": (lambda n: write_manifests(n.image, KERNEL_RELEASE=""), 15, "has no usable KERNEL_RELEASE"),
    "no size": (
        lambda n: write_manifests(n.image, UNPACKED_BYTES_PROPRIETARY="1 MB"),
        15,
        "usable UNPACKED_BYTES_PROP",
    ),
    "leading out": (lambda n: write_manifests(n.image, DRIVER_VERSION="../x"), 15, "has no usable DRIVER_VERSION"),
    "shell code": (lambda n: append(n.image / "manifest.env", "A=$(reboot)\n"), 15, "'A=$(reboot)' is not KEY=VALUE"),
    "no pair": (lambda n: append(n.image / "manifest.env", "reboot"), 15, "'reboot' is not KEY=VALUE"),
    "doubled key": (
        lambda n: append(n.image / "manifest.env", "IMAGE_TAG=a\n"),
        15,
        "'IMAGE_TAG=a' is not KEY=VALUE, or",
    ),
    "odd types": (lambda n: write_manifests(n.image, MODULE_TYPES="open source"), 15, "has no usable MODULE_TYPES"),
    "no such type": (
        lacks_the_module_type,
        16,
        "this image has no proprietary modules, only: open",
    ),
    "no host": (
        lambda n: n.environment.update(HOST_ROOT=f"{n.host}/none"),
        17,
        "is not a folder; mount the host's root",
    ),
    "links in a circle": (
        point_in_a_circle,
        17,
        "/opt/nvidia leads through more than 40 links; choose another INSTALL_ROOT",
    ),
    "no programs": (mount_without_programs, 17, "is mounted noexec, so the driver's programs cannot run there"),
    "no folder": (lambda n: replace_by_a_file(n.host / "opt"), 17, "is not a writable folder"),
    "no GPU": (lambda n: n.empty_bus(), 22, "this node has no NVIDIA GPU: none is on its PCI bus"),
    "only sound": (lambda n: n.add_to_bus("0000:3b:00.0", "22ba", "040300"), 22, "this node has no NVIDIA GPU"),
    "signatures": (enforce_signatures, 23, "signed modules only (module.sig_enforce), and this image's are not signed"),
    "Secure Boot": (lock_down, 23, "signed modules only (lockdown (Secure Boot)), and this image's are not signed"),
    "wrong option": (
        lambda n: n.environment.update(KERNEL_MODULE_TYPE="closed"),
        2,
        "KERNEL_MODULE_TYPE=closed is not one of",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_installation_leaves_the_host_as_it_was(node: Node, case: str) -> None:
    corrupt, code, words = REFUSALS[case]
    corrupt(node)
    before = node.stat()
    done = node.run("install")
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert node.stat() == before


def test_a_second_installer_on_the_node_is_refused(node: Node) -> None:
    (node.host / "run/nvidia").mkdir()
    before = node.tree()
    descriptor = os.open(node.host / "run/nvidia", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        done = node.run("install")
    finally:
        os.close(descriptor)
    assert done.returncode == 14
    assert without_failure(node.tree()) == without_failure(before)
    node.installs()


def corrupt_modules(node: Node, change: Callable[[Path], object]) -> None:
    """Change the folder of the proprietary modules in the image's archive."""
    packed, tree = node.image / "modules-proprietary.tar.zst", node.folder / "tree"
    tree.mkdir()
    subprocess.run(["tar", "--extract", "--zstd", "--file", packed, "--directory", tree], check=True)
    change(tree / MODULE_FOLDER)
    archive(tree, packed)


DAMAGES: Mapping[str, tuple[Callable[[Node], object], str]] = {
    "cut archive": (lambda n: cut(n.image / "userspace.tar.zst"), "userspace.tar.zst is damaged; pull the image again"),
    "flipped bit": (lambda n: flip_a_bit(n.image / "modules-proprietary.tar.zst"), "proprietary.tar.zst is damaged"),
    "no module": (
        lambda n: corrupt_modules(n, lambda folder: (folder / "nvidia.ko").unlink()),
        f"the modules archive has no nvidia.ko for {KERNEL}",
    ),
    "no ELF": (
        lambda n: corrupt_modules(n, lambda folder: (folder / "nvidia-uvm.ko").write_text("no ELF")),
        "depmod cannot read the modules",
    ),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_image_is_noticed_while_the_old_driver_still_serves(node: Node, case: str) -> None:
    make_image(node, driver=OLD_DRIVER)
    node.installs()
    before = node.tree()
    make_image(node)
    corrupt, words = DAMAGES[case]
    corrupt(node)
    done = node.run("install")
    assert done.returncode == 15
    assert words in done.stderr
    assert without_failure(node.tree()) == without_failure(before)


@pytest.mark.parametrize(
    "arguments",
    [("install", "--load"), ("install", "now"), ("uninstall", "all"), ("status", "-v"), ("unpack",), ("unpack", "-x")],
)
def test_wrong_arguments_are_a_usage_error(node: Node, arguments: tuple[str, ...]) -> None:
    before = node.stat()
    done = node.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert node.stat() == before


def test_where_no_gpu_is_required_the_driver_itself_has_the_word(node: Node) -> None:
    node.empty_bus()
    node.environment["REQUIRE_GPU"] = "false"
    assert NAME in node.installs()
