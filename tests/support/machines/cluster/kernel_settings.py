"""Kernel settings and control groups that a kubelet changes outside of its namespaces, and their restoration."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
CGROUP = "nvidia-installer-cluster"
# kubelet, pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables.
_TUNABLES = [
    Path("/proc/sys") / name
    for name in (
        "vm/overcommit_memory",
        "vm/panic_on_oom",
        "kernel/panic",
        "kernel/panic_on_oops",
        "kernel/keys/root_maxkeys",
        "kernel/keys/root_maxbytes",
    )
]


@contextmanager
def borrowed_machine() -> Iterator[None]:
    """Save the kernel's settings and create the control group of all pods.

    At the end, restore the settings and remove the group.
    """
    before = {path: path.read_text() for path in _TUNABLES if path.exists()}
    roots = [path / CGROUP for path in _hierarchies()]
    for root in roots:
        _remove(root)
        root.mkdir()
    try:
        yield
    finally:
        for path, text in before.items():
            if path.read_text() != text:
                path.write_text(text)
        for root in roots:
            _remove(root)


def _hierarchies() -> list[Path]:
    """Return the one hierarchy of cgroup v2, or one hierarchy per controller of v1 (cgroups(7))."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [path for path in CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]


def _remove(group: Path) -> None:
    """Remove a control group and the groups in it, which contain no processes."""
    for path in sorted(group.rglob("*/"), reverse=True):
        with suppress(FileNotFoundError):
            path.rmdir()
    with suppress(FileNotFoundError):
        group.rmdir()
