"""A node with the driver of a built image, and an image to run, for tests of CDI with container engines."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.tags import references
from tests.support.checkout import ROOT
from tests.support.machines.engine_root import EngineRoot
from tests.support.machines.node_cdi import UUID, set_gpu
from tests.support.machines.node_host import Node
from tests.support.machines.node_image import compile_modules, make_node, write_manifests
from tests.support.servers.processes import started, wait_until

HOME = "/opt/nvidia-installer"
IMAGE = "docker.io/library/workload:test"
# Runs a command in a container with some options of the engine, and returns its output.
Run = Callable[..., str]
MAKE_IMAGE = """\
set -euo pipefail
mkdir -p /run/image/{usr/{bin,lib64,lib/x86_64-linux-gnu},etc,proc,sys,dev,tmp}
ln -s usr/bin usr/lib usr/lib64 /run/image
cat >/run/image/usr/bin/probe
chmod 755 /run/image/usr/bin/probe
cp /usr/bin/{bash,cat,ls,stat} /run/image/usr/bin
cp -L $(ldd /run/image/usr/bin/* | grep -o '/lib/[^ ]*' | sort -u) /run/image/usr/lib/x86_64-linux-gnu
cp -L /lib/x86_64-linux-gnu/lib{m.so.6,dl.so.2,pthread.so.0,rt.so.1} /run/image/usr/lib/x86_64-linux-gnu
cp -L /lib64/ld-linux-x86-64.so.2 /run/image/usr/lib64
tar -C /run/image -cf /run/image.tar .
"""
# Loads each library, as a program that uses it does.
PROBE = """\
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **names) {
  for (int i = 1; i < count; i++)
    if (!dlopen(names[i], RTLD_NOW)) { printf("%s\\n", dlerror()); return 1; }
  return 0;
}
"""


def driver_node(folder: Path) -> Node:
    """Return a node in `folder` with the real user space of the first built image; its kernel and GPU are files."""
    (folder / "modules").mkdir()
    compile_modules(folder / "modules")
    node = make_node(folder, folder / "modules")
    project = load_locked_project(ROOT)
    combination = project.matrix.combinations[0]
    reference = references(project.component.image, combination)[0]
    container = subprocess.check_output(["docker", "create", reference], text=True).strip()
    archive = node.image / "userspace.tar.zst"
    subprocess.run(["docker", "cp", f"{container}:{HOME}/userspace.tar.zst", archive], check=True, capture_output=True)
    subprocess.run(["docker", "rm", container], check=True, capture_output=True)
    write_manifests(node.image, unpacked_bytes=1 << 29)
    set_gpu(node, "0000:3b:00.0", minor=0, uuid=UUID)
    node.stub("timeout", "exit 0")  # it runs nvidia-smi, which needs a GPU
    node.installs()
    return node


def add_specifications(root: EngineRoot, node: Node) -> None:
    """Copy the CDI specifications of a node to where the engines read them."""
    for file in (node.host / "var/run/cdi").glob("*.json"):
        root.write(f"/run/cdi/{file.name}", file.read_text())


def make_workload(root: EngineRoot, folder: Path) -> str:
    """Make an image of a few programs of Debian without a cache of libraries, and return the path of its tar in the root."""
    (folder / "probe.c").write_text(PROBE)
    subprocess.run(["gcc", "-o", folder / "probe", folder / "probe.c"], check=True)
    root.run("bash", "-c", MAKE_IMAGE, data=(folder / "probe").read_bytes())
    return "/run/image.tar"


def podman_in(root: EngineRoot, workload: str) -> Run:
    """Import the image into podman, and return the function that runs containers of it."""
    command = ("podman", "--storage-driver=vfs")
    root.run(*command, "import", workload, IMAGE)
    # Without a control group: the machine's may be of version 1, which crun knows only in part.
    fixed = ("run", "--rm", "--network=none", "--cgroups=disabled")
    return lambda options, *words: root.run(*command, *fixed, *options, IMAGE, *words)


@contextmanager
def docker_in(root: EngineRoot, workload: str, folder: Path) -> Iterator[Run]:
    """Start dockerd with the image, and yield the function that runs containers of it. `folder` gets the log."""
    root.write("/run/daemon.json", json.dumps({"features": {"cdi": True}}))
    settings = ("--config-file=/run/daemon.json", "--storage-driver=vfs")
    network = ("--bridge=none", "--iptables=false", "--ip6tables=false")
    with started(root.command("dockerd", *settings, *network), folder / "log") as process:
        wait_until(lambda: root.succeeds("docker", "version"), process, "dockerd")
        root.run("docker", "import", workload, IMAGE)
        yield lambda options, *words: root.run("docker", "run", "--rm", "--network=none", *options, IMAGE, *words)
