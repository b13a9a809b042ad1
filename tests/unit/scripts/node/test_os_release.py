"""Tests of the OS release in the tag of the image that a node needs: each family writes os-release in its own way."""

import pytest

from tests.support.machines.node_host import Node
from tests.support.machines.node_image import write_manifests


def release_in_the_tag(node: Node, of_the_image: str) -> str:
    """Return the end of the tag in the message for a wrong kernel."""
    write_manifests(node.image, OS_RELEASE=of_the_image)
    node.environment["KERNEL"] = "6.6.1-amd64"
    done = node.run("install")
    assert done.returncode == 10
    return done.stderr.rstrip().partition(" tag 550.163.01-6.6.1-amd64-")[2]


@pytest.mark.parametrize(
    ("of_the_image", "os_release", "in_the_tag"),
    [
        ("gardenlinux-1592.9", "ID=gardenlinux\nVERSION_ID=1592.10\n", "gardenlinux-1592.10"),
        ("gardenlinux-1592.9", "ID=gardenlinux\nGARDENLINUX_VERSION=1592.10\n", "gardenlinux-1592.10"),
        ("gardenlinux-1", "ID=gardenlinux\nVERSION_ID=12\nGARDENLINUX_VERSION='2150.0.0'\n", "gardenlinux-2150.0.0"),
        ("gardenlinux-1592.9", "ID=gardenlinux\nGARDENLINUX_VERSION=today\n", "gardenlinux-1592.9"),
        ("debian-13", "ID='debian'\nVERSION_ID=\"12\"\n", "debian-12"),
        ("debian-13", "ID=debian\nGARDENLINUX_VERSION=1592.10\nVERSION_ID=12\n", "debian-12"),
        ("debian-13-backports", 'ID=debian\nVERSION_ID="13"\n', "debian-13-backports"),
        ("debian-13", "ID=debian\nVERSION_CODENAME=forky\n", "debian-13"),
        ("debian-13", "ID=debian\n", "debian-13"),
        ("debian-13", 'ID=debian # ours\r\n  VERSION_ID="12" \t# bookworm\r\n', "debian-12"),
        ("debian-13", "ID=debian\nVERSION_ID=12", "debian-12"),
        ("debian-13", "ID=debian\nVERSION_ID=11\nVERSION_ID=12\n", "debian-12"),
        ("debian-13", "ID=debian\n#VERSION_ID=12\n", "debian-13"),
        ("debian-13", "ID=debian\nVERSION_ID='12\"\n", "debian-13"),
        ("debian-13", 'ID=debian\nVERSION_ID="$(reboot)"\n', "debian-13"),
        ("debian-13", "", "debian-13"),
    ],
)
def test_the_tag_has_the_release_of_the_node(node: Node, of_the_image: str, os_release: str, in_the_tag: str) -> None:
    (node.host / "etc/os-release").write_bytes(os_release.encode())

    assert release_in_the_tag(node, of_the_image) == in_the_tag


def test_the_tag_has_the_images_release_without_the_hosts_root(node: Node) -> None:
    node.environment["HOST_ROOT"] = "/"

    assert release_in_the_tag(node, "gardenlinux-1592.9") == "gardenlinux-1592.9"


@pytest.mark.parametrize("target", ["../usr/lib/os-release", "/usr/lib/os-release"])
def test_a_link_to_the_release_leads_to_the_file_of_the_host(node: Node, target: str) -> None:
    (node.host / "etc/os-release").unlink()
    (node.host / "etc/os-release").symlink_to(target)
    (node.host / "usr/lib").mkdir(parents=True)
    (node.host / "usr/lib/os-release").write_text("ID=gardenlinux\nGARDENLINUX_VERSION=1592.10\n")

    assert release_in_the_tag(node, "gardenlinux-1592.9") == "gardenlinux-1592.10"


def test_a_host_has_its_release_in_usr_lib_if_etc_has_none(node: Node) -> None:
    (node.host / "etc/os-release").unlink()
    (node.host / "usr/lib").mkdir(parents=True)
    (node.host / "usr/lib/os-release").write_text("ID=debian\nVERSION_ID=12\n")

    assert release_in_the_tag(node, "debian-13") == "debian-12"


@pytest.mark.parametrize("target", [None, "os-release", "/missing"])
def test_the_images_release_stays_if_the_host_has_none(node: Node, target: str | None) -> None:
    (node.host / "etc/os-release").unlink()
    if target:
        (node.host / "etc/os-release").symlink_to(target)

    assert release_in_the_tag(node, "debian-13") == "debian-13"
