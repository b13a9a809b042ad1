import time
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.last_used import note_used, used, write_used


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_it_is_known_when_a_build_last_needed_what(cache: Cache) -> None:
    assert used(cache) == {}
    write_used(cache, {"a": 1, "b": 2})
    before = int(time.time())
    note_used(cache, ["b", "c"])
    record = used(cache)

    assert record["a"] == 1
    assert [before <= record[name] <= time.time() for name in ("b", "c")] == [True, True]


@pytest.mark.parametrize("damage", ["{half", "[]", '{"a": "yesterday"}'])
def test_a_damaged_record_of_use_is_none(cache: Cache, damage: str) -> None:
    cache.root.mkdir()
    (cache.root / "used.json").write_text(damage)

    assert used(cache) == {}


def test_what_cannot_be_noted_is_not_and_nothing_else_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "cache")
    note_used(cache, ["a"])

    assert not cache.root.exists()
