"""The boot files of nodes: kernel, initramfs, and a disk with root file system, modules, images and settings."""

import json
import lzma
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.support.machines.cluster.containerd import containerd, write_configuration
from tests.support.machines.cluster.containerd import trust as trust_registry
from tests.support.machines.cluster.control_plane import ControlPlane, node_user
from tests.support.machines.cluster.kubelet import kubelet_config
from tests.support.machines.cluster.namespace import namespace
from tests.support.machines.cluster.published_images import Published
from tests.support.machines.cluster_node.node_root import unpack
from tests.support.machines.guest import initramfs
from tests.support.machines.guest.machine_parts import vmlinuz_in
from tests.support.servers.registry_server import LOOPBACK, PASSWORD, USER, RegistryServer

# The host's loopback, as guests of QEMU's user network reach it (qemu(1), -netdev user).
HOST = "10.0.2.2"
_FILES = Path(__file__).parent / "files"
# What a kernel needs to find and to mount its disk; what is built in is left out.
_MODULES = ("virtio_pci", "virtio_blk", "ext4")
_SIZE = "4G"
# files/init names both.
_SETTINGS = Path("/node")
_SOCKET = Path("/run/containerd.sock")


@dataclass(frozen=True, kw_only=True)
class BootFiles:
    """The files from which a machine starts."""

    kernel: Path
    initramfs: Path
    disk: Path


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The release string and the package of the nodes' kernel, their root as a tar, and the kubelet.

    The nodes join `plane`, trust `registries`, and have the images `preloaded` before they start.
    """

    kernel: str
    kernel_packages: Sequence[Path]
    root: Path
    kubelet: Path
    pause: bytes
    plane: ControlPlane
    registries: Sequence[RegistryServer]
    preloaded: Sequence[Published] = ()


def make_boot_files(recipe: Recipe, folder: Path) -> BootFiles:
    """Make the boot files of nodes in a new folder. A node's name is the option `node` of its kernel."""
    folder.mkdir(parents=True)
    root = folder / "root"
    unpack(recipe.root, root)
    package = folder / "package"
    for deb in recipe.kernel_packages:
        subprocess.run(["dpkg-deb", "--extract", deb, package], check=True)
    kernel = folder / "vmlinuz"
    vmlinuz_in(package, recipe.kernel).rename(kernel)
    shutil.copytree(next(package.rglob("lib/modules")), root / "usr/lib/modules")
    shutil.rmtree(package)
    subprocess.run(["depmod", "--basedir", root / "usr", recipe.kernel], check=True)
    archive = _initramfs(root, recipe.kernel, folder)
    _write_settings(recipe, root)
    _preload(recipe, root, folder / "preload")
    disk = folder / "disk"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(disk), _SIZE], check=True)
    shutil.rmtree(root)
    return BootFiles(kernel=kernel, initramfs=archive, disk=disk)


def _initramfs(root: Path, kernel: str, folder: Path) -> Path:
    tree = folder / "initramfs"
    for name in ("bin", "dev", "modules", "root"):
        (tree / name).mkdir(parents=True)
    shutil.copy(root / "usr/bin/busybox", tree / "bin/busybox")
    shutil.copy(_FILES / "initramfs", tree / "init")
    command = ["modprobe", f"--dirname={root}", f"--set-version={kernel}", "--show-depends", "--all", *_MODULES]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    modules = list(dict.fromkeys(line.split()[1] for line in lines if line.startswith("insmod ")))
    for number, module in enumerate(map(Path, modules)):
        content = lzma.decompress(module.read_bytes()) if module.suffix == ".xz" else module.read_bytes()
        (tree / "modules" / f"{number:02}-{module.stem}").write_bytes(content)
    archive = folder / "initramfs.cpio"
    initramfs.of_folder(tree, archive)
    return archive


def _write_settings(recipe: Recipe, root: Path) -> None:
    """Write what files/init and its programs read, in /node."""
    settings, plane = root / _SETTINGS.relative_to("/"), recipe.plane
    (settings / "bin").mkdir(parents=True)
    shutil.copy(recipe.kubelet, settings / "bin/kubelet")
    shutil.copy(_FILES / "init", settings / "init")
    for name, source in {"ca.pem": plane.certificate, "key.pem": plane.key}.items():
        shutil.copy(source, settings / name)
    for name in plane.nodes:
        kubeconfig = yaml.safe_load(plane.kubeconfig(node_user(name)).read_text())
        place = {"server": plane.address.replace(LOOPBACK, HOST), "certificate-authority": str(_SETTINGS / "ca.pem")}
        kubeconfig["clusters"][0]["cluster"] = place
        (settings / f"kubeconfig-{name}").write_text(yaml.safe_dump(kubeconfig))
    config = {
        **kubelet_config(_SETTINGS / "ca.pem"),
        "tlsCertFile": str(_SETTINGS / "ca.pem"),
        "tlsPrivateKeyFile": str(_SETTINGS / "key.pem"),
    }
    (settings / "kubelet.json").write_text(json.dumps(config))
    # containerd copies them into each pod.
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    (root / "etc/resolv.conf").touch()
    etc = _SETTINGS / "etc"
    data = Path("/var/lib/containerd")
    write_configuration(settings / "etc", etc, data=data, state=Path("/run/containerd"), socket=_SOCKET)
    for server in recipe.registries:
        trust_registry(settings / "etc", etc, server, HOST)


def _preload(recipe: Recipe, root: Path, folder: Path) -> None:
    """Let the node's own containerd pull images on this machine, into the node's folder."""
    data = root / "var/lib/containerd"
    folder.mkdir()
    with namespace(folder / "space") as space, containerd(root / "usr/bin", folder / "run", space, data) as runtime:
        runtime.load([recipe.pause])
        for server in recipe.registries:
            runtime.trust(server)
        for image in recipe.preloaded:
            runtime.pull(image.reference, f"{USER}:{PASSWORD}")
    shutil.rmtree(folder)
