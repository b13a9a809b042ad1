import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from lifecycle.tools.engine.processors import usable_processors

PERIOD = "cpu/cpu.cfs_period_us"
QUOTA = "cpu/cpu.cfs_quota_us"


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that the machine has eight processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.parametrize(
    ("files", "processors"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "400000 100000\n"}, 4),
        ({"cpu.max": "250000 100000\n"}, 3),
        ({"cpu.max": "1000 100000\n"}, 1),
        ({"cpu.max": "6400000 100000\n"}, 8),
        ({"cpu.max": "nonsense\n"}, 8),
        ({QUOTA: "-1\n", PERIOD: "100000\n"}, 8),
        ({QUOTA: "200000\n", PERIOD: "100000\n"}, 2),
        ({QUOTA: "200000\n"}, 8),
    ],
)
def test_affinity_and_the_quota_of_the_container_limit_the_processors(
    tmp_path: Path, files: Mapping[str, str], processors: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert usable_processors(tmp_path) == processors
