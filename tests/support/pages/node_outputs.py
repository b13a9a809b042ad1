"""The outputs of nvidia-installer in docs/runbook, healthy and broken, made by running its scripts on nodes under test.

A node under test is a folder (`tests.support.machines.node_host`). Its image is small, so sizes in the outputs are too.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.checkout import ROOT
from tests.support.machines.node_cdi import OTHER, other_file
from tests.support.machines.node_host import OLD_DRIVER, Node
from tests.support.machines.node_image import make_image

RUNBOOK = ROOT / "docs/runbook"
_POD = "8c1fd2d3-0e1f-4a5b-9c6d-7e8f90a1b2c3"
_OTHER_KERNEL = "6.12.120+deb13-cloud-amd64"


@dataclass(frozen=True, kw_only=True)
class Output:
    """A command on a healthy and on a broken node: each state is prepared on a new node before the command runs."""

    page: str
    command: str
    healthy: Callable[[Node], object]
    broken: Callable[[Node], object]
    what: str = "broken"


def table(output: Output, healthy: Node, broken: Node) -> str:
    """Return both outputs side by side, in Markdown; each column ends with the exit code."""
    left, right = _run(output, healthy, output.healthy), _run(output, broken, output.broken)
    cells = "\n\n</td><td>\n\n".join(f"```\n{text}\n```" for text in (left, right))
    head = f"<tr><th>healthy</th><th>{output.what}</th></tr>"
    return f"<table>\n{head}\n<tr><td>\n\n{cells}\n\n</td></tr>\n</table>\n"


def _run(output: Output, node: Node, prepare: Callable[[Node], object]) -> str:
    # The small image has no nvidia-persistenced.
    node.environment["PERSISTENCE"] = "off"
    prepare(node)
    with _locked(node, locked=prepare is _another_runs):
        done = node.run(output.command)
    text = f"{done.stdout}{done.stderr}".replace(f"{node.folder}/host", "/host")
    return f"{text.strip()}\n\nexit code {done.returncode}"


@contextmanager
def _locked(node: Node, *, locked: bool) -> Iterator[None]:
    """Hold the lock of the node, as another installer does."""
    folder = node.host / "run/nvidia"
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if locked:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _nothing(_: Node) -> None:
    """Leave the node without a driver."""


def _another_runs(_: Node) -> None:
    """Leave the node without a driver; `_run` holds its lock."""


def _installed(node: Node) -> None:
    node.installs()


def _lacks_a_module(node: Node) -> None:
    node.installs()
    (node.sysfs / "module/nvidia_uvm").rename(node.folder / "unloaded")


def _other_kernel(node: Node) -> None:
    node.environment["KERNEL"] = _OTHER_KERNEL


def _old_driver(node: Node) -> None:
    make_image(node, driver=OLD_DRIVER)
    node.installs()
    make_image(node)


def _old_driver_in_use(node: Node) -> None:
    _old_driver(node)
    node.add_process(4711, "train.py", "/dev/nvidia0", "/dev/nvidiactl", cgroup=f"/kubepods/burstable/pod{_POD}/c0ffee")


def _refused_upgrade(node: Node) -> None:
    _old_driver_in_use(node)
    node.run("install")


def _nouveau(node: Node, users: int) -> None:
    (node.sysfs / "bus/pci/devices/0000:3b:00.0/driver").symlink_to("../../../bus/pci/drivers/nouveau")
    module = node.sysfs / "module/nouveau"
    (module / "holders").mkdir(parents=True)
    (module / "refcnt").write_text(f"{users}\n")


def _full_disk(node: Node) -> None:
    node.stub("df", "echo Avail; echo 96468992")
    text = (node.image / "manifest.env").read_text().replace("PROPRIETARY=", "PROPRIETARY=35")
    (node.image / "manifest.env").write_text(text)


def _no_gpu(node: Node) -> None:
    node.empty_bus()


def _described_twice(node: Node) -> None:
    node.installs()
    other_file(node, OTHER)
    node.run("install")


OUTPUTS: Mapping[str, Output] = {
    "a module is missing": Output(
        page="pod-not-ready.md", command="status", healthy=_installed, broken=_lacks_a_module
    ),
    "nothing is installed": Output(
        page="pod-not-ready.md", command="status", healthy=_installed, broken=_nothing, what="install has not succeeded"
    ),
    "another kernel": Output(page="wrong-kernel.md", command="install", healthy=_nothing, broken=_other_kernel),
    "nouveau": Output(
        page="module-not-loaded.md",
        command="install",
        healthy=lambda node: _nouveau(node, 0),
        broken=lambda node: _nouveau(node, 1),
        what="nouveau shows the console",
    ),
    "the driver is in use": Output(
        page="driver-in-use.md", command="install", healthy=_old_driver, broken=_old_driver_in_use
    ),
    "after a refused upgrade": Output(
        page="driver-in-use.md", command="status", healthy=_installed, broken=_refused_upgrade, what="upgrade refused"
    ),
    "the disk is full": Output(page="disk-full.md", command="install", healthy=_nothing, broken=_full_disk),
    "no GPU": Output(page="gpu-not-found.md", command="install", healthy=_nothing, broken=_no_gpu),
    "another installer": Output(page="two-installers.md", command="install", healthy=_nothing, broken=_another_runs),
    "another specification": Output(
        page="gpu-not-in-a-pod.md", command="status", healthy=_installed, broken=_described_twice
    ),
}


def page_of(output: Output) -> Path:
    """Return the page that shows an output."""
    return RUNBOOK / output.page
