"""How many compiles run at a time, and how many jobs each has: the cores are kept busy, and the memory lasts. Pure.

A compile alone leaves cores idle, in the parts in which one process runs: linking, modpost, objtool. So at least two run side by
side, and together they have twice as many jobs as there are cores (benchmarks/README.md, "Two compiles at a time").
"""

from dataclasses import dataclass

_CORES_A_COMPILE = 4
# More of them wait for the same few large files of a driver.
_MOST_JOBS = 8
# Bytes that a job needs. Measured as a container's memory.max_usage_in_bytes: 270 MB with two jobs, the page cache included.
_MEMORY_A_JOB = 256 << 20


@dataclass(frozen=True)
class Concurrency:
    """Compiles at a time, and make's --jobs of each."""

    compiles: int
    jobs: int


def concurrency_for(cpus: int, memory: int) -> Concurrency:
    """The packing for a machine with so many cores, and so many bytes for all compiles together."""
    jobs = min(max(1, cpus), _MOST_JOBS)
    wanted = max(2, cpus // _CORES_A_COMPILE)
    affordable = max(1, memory // _MEMORY_A_JOB)
    compiles = max(1, min(wanted, affordable // jobs))
    return Concurrency(compiles, min(jobs, affordable))
