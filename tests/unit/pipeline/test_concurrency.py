import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.pipeline.concurrency import Concurrency, concurrency_for

GIB = 1 << 30


@pytest.mark.parametrize(
    ("cpus", "memory", "packing"),
    [
        (1, 24 * GIB, Concurrency(2, 1)),
        (2, 24 * GIB, Concurrency(2, 2)),
        (4, 16 * GIB, Concurrency(2, 4)),
        (16, 64 * GIB, Concurrency(4, 8)),
        (64, 256 * GIB, Concurrency(16, 8)),
        (64, 8 * GIB, Concurrency(2, 8)),
        (8, GIB, Concurrency(1, 2)),
        (2, 0, Concurrency(1, 1)),
    ],
)
def test_cores_are_kept_busy_as_far_as_memory_goes(cpus: int, memory: int, packing: Concurrency) -> None:
    assert concurrency_for(cpus, memory) == packing


@given(st.integers(1, 512), st.integers(0, 2 << 40))
def test_memory_lasts_for_all_jobs_unless_there_is_too_little_for_one(cpus: int, memory: int) -> None:
    packing = concurrency_for(cpus, memory)

    assert packing.compiles * packing.jobs * (384 << 20) <= max(memory, 384 << 20)


@given(st.integers(1, 512), st.integers(0, 2 << 40))
def test_there_are_never_more_jobs_than_two_a_core(cpus: int, memory: int) -> None:
    packing = concurrency_for(cpus, memory)

    assert packing.compiles * packing.jobs <= 2 * cpus
