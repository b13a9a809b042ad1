"""The number of concurrent compiles and of make's jobs in each, by cores and memory. Pure.

A compile alone leaves cores idle while one process runs: linking, modpost, objtool. So at least two compiles run concurrently.
Together they have twice as many jobs as there are cores (benchmarks/README.md, "Two compiles at a time").
"""

from dataclasses import dataclass

_CORES_PER_COMPILE = 4
# More jobs only wait for the few large files of a driver.
_MAX_JOBS = 8
# Bytes per job. Measured as `total_rss` of a container with two jobs: 755 MB, fork servers included.
_MEMORY_PER_JOB = 384 << 20


@dataclass(frozen=True)
class Concurrency:
    """The number of concurrent compiles, and make's --jobs in each."""

    compiles: int
    jobs: int


def concurrency_for(cpus: int, memory: int) -> Concurrency:
    """Return the concurrency for a number of cores, and of bytes of memory for all compiles together."""
    jobs = min(max(1, cpus), _MAX_JOBS)
    wanted = max(2, cpus // _CORES_PER_COMPILE)
    affordable = max(1, memory // _MEMORY_PER_JOB)
    compiles = max(1, min(wanted, affordable // jobs))
    return Concurrency(compiles, min(jobs, affordable))
