"""The number of processors that this process may use."""

import os
from contextlib import suppress
from pathlib import Path

_CONTROL_GROUP = Path("/sys/fs/cgroup")


def usable_processors(group: Path = _CONTROL_GROUP) -> int:
    """Return the number of processors in the affinity of this process, or in the quota of its container if that is less.

    The result is at least 1. `group` is the folder in which a container sees its own control group.
    Source: Linux, cgroup-v2.rst ("cpu.max"), and sched-bwc.rst for version 1.
    """
    allowed = len(os.sched_getaffinity(0))
    quota = _quota(group / "cpu.max") or _quota(group / "cpu/cpu.cfs_quota_us", group / "cpu/cpu.cfs_period_us")
    return min(allowed, quota) if quota else allowed


def _quota(*files: Path) -> int | None:
    """Return quota divided by period (both in microseconds), rounded up; None without a quota."""
    with suppress(OSError, ValueError):
        quota, period = (int(word) for file in files for word in file.read_text(encoding="ascii").split())
        return -(-quota // period) if quota > 0 and period > 0 else None
    return None
