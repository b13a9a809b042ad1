"""How many of the machine's processors this process may use."""

import os
from contextlib import suppress
from pathlib import Path

_CONTROL_GROUP = Path("/sys/fs/cgroup")


def usable_processors(group: Path = _CONTROL_GROUP) -> int:
    """Those of its affinity, or, where that is less, as many as the quota of its container allows; at least one.

    `group` is where a container sees its own control group (Linux, cgroup-v2.rst "cpu.max"; sched-bwc.rst for version 1).
    """
    allowed = len(os.sched_getaffinity(0))
    quota = _quota(group / "cpu.max") or _quota(group / "cpu/cpu.cfs_quota_us", group / "cpu/cpu.cfs_period_us")
    return min(allowed, quota) if quota else allowed


def _quota(*files: Path) -> int | None:
    """The processors that a quota and its period, both in microseconds, amount to, a part of one counted as one."""
    with suppress(OSError, ValueError):
        quota, period = (int(word) for file in files for word in file.read_text(encoding="ascii").split())
        return -(-quota // period) if quota > 0 and period > 0 else None
    return None
