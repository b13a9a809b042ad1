import time
from pathlib import Path

import pytest

from lifecycle.cache import core_use
from lifecycle.cache.core_use import CoreSampler, CoreUse, read_cores

STAT = """\
cpu  100 0 0 300 0 0 0 0 0 0
cpu0 60 5 10 100 20 3 2 0 50 0
cpu1 40 0 0 200 0 0 0 0 0 0
intr 1
"""


def test_idle_ticks_and_waits_for_disks_are_not_busy(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(STAT)

    assert read_cores(tmp_path / "stat") == ((80, 200), (40, 240))


def test_without_the_file_there_are_no_cores(tmp_path: Path) -> None:
    assert read_cores(tmp_path / "stat") == ()


def test_the_use_is_the_share_of_busy_ticks_between_two_samples() -> None:
    samples = [((0, 0), (0, 0)), ((50, 100), (100, 100)), ((50, 200), (100, 100))]

    assert core_use.core_use(samples, 2) == CoreUse(seconds=2, busy=((50, 0), (100, 0)))


def test_a_core_that_goes_is_left_out() -> None:
    assert core_use.core_use([((0, 0), (0, 0)), ((1, 1),)], 1).busy == ((100,),)


def test_one_sample_tells_nothing() -> None:
    assert core_use.core_use([((1, 1),)], 1).busy == ()


def test_this_machine_is_busy_while_it_works() -> None:
    with CoreSampler(seconds=0.05) as sampler:
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            pass

    assert max(max(core) for core in sampler.use().busy) > 50


def test_a_long_block_has_longer_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_use, "_MOST", 4)
    with CoreSampler(seconds=0.01) as sampler:
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            pass
    use = sampler.use()

    assert use.seconds > 0.01
    assert len(use.busy[0]) <= 4
