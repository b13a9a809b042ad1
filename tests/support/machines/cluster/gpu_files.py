"""A host's driver, CDI specifications and device files, at the paths where the node's container runtime looks for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.machines.cluster.namespace import Namespace
from tests.support.machines.node_host import Node

_PLACES = ("opt/nvidia", "run/cdi")
# The node's device files are copies of this machine's, so that more of them change nothing on this machine. NVIDIA's have the
# numbers that the host's kernel reports (node_host.py); those that the installer makes are text here (node_programs.py).
_MAKE_DEVICES = """\
mount -t tmpfs -o mode=755,dev devices "$1"
cp --archive --one-file-system /dev/. "$1"
mount --rbind "$1" /dev
cd "$1"
rm -rf nvidia*
mknod nvidiactl c 195 255
mknod nvidia0 c 195 0
mknod nvidia-modeset c 195 254
mknod nvidia-uvm c 238 0
mknod nvidia-uvm-tools c 238 1
"""


@contextmanager
def gpu_files(node: Namespace, host: Node) -> Iterator[None]:
    """Let the installer's files on a host be files of the node, give the node device files, and remove both at the end.

    containerd watches the node's own folder of specifications, so the node's folders are mounted into the host.
    """
    devices = host.folder / "node-dev"
    devices.mkdir()
    node.run("sh", "-euc", _MAKE_DEVICES, "sh", devices)
    mounts = [(Path("/", place), _on_host(host, place)) for place in _PLACES]
    for source, target in mounts:
        target.mkdir(parents=True, exist_ok=True)
        node.run("mkdir", "-p", source)
        node.run("mount", "--bind", source, target)
    try:
        yield
    finally:
        for source, target in mounts:
            node.run("umount", "--lazy", target)
            node.run("find", source, "-mindepth", "1", "-delete")
        for target in (Path("/dev"), devices):
            node.run("umount", "--recursive", "--lazy", target)


def _on_host(host: Node, place: str) -> Path:
    """Return a host's path of a folder of the node; the installer's path of /run/cdi is /var/run/cdi."""
    return host.host / place.replace("run/", "var/run/")
