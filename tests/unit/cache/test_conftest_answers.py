from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache


def test_new_answers_are_added_each_line_once(tmp_path: Path) -> None:
    cache, new = Cache(tmp_path / "cache"), tmp_path / "new"
    for lines in ("b yes\na no\n", "c no\nb yes\n", ""):
        new.write_text(lines)
        cache.add_answers("kernel-6.1:1", new)

    assert cache.conftest_answers("kernel-6.1:1").read_text() == "a no\nb yes\nc no\n"


def add_many(folder: Path, worker: int) -> None:
    """Add 40 answers of a worker's own, one at a time."""
    cache, new = Cache(folder), folder / f"new-{worker}"
    for number in range(40):
        new.write_text(f"{worker}-{number} yes\n")
        cache.add_answers("kernel-6.1:1", new)


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_concurrent_compiles_lose_no_answers(tmp_path: Path, pool: type[Executor]) -> None:
    with pool(4) as workers:  # type: ignore[call-arg]
        list(workers.map(partial(add_many, tmp_path), range(4)))

    assert len(Cache(tmp_path).conftest_answers("kernel-6.1:1").read_text().splitlines()) == 160


def test_adding_answers_returns_how_many_the_file_has(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("a yes\nb no\n")

    cache = Cache(tmp_path / "cache")

    assert [cache.add_answers("kernel-6.1:1", tmp_path / "new") for _ in range(2)] == [2, 2]
