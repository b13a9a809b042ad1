import time
from pathlib import Path

import pytest

from lifecycle.tools.store import Store
from lifecycle.tools.usage import note_used, used, write_used


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def test_it_is_known_when_a_build_last_needed_what(store: Store) -> None:
    assert used(store) == {}
    write_used(store, {"a": 1, "b": 2})
    before = int(time.time())
    note_used(store, ["b", "c"])
    record = used(store)

    assert record["a"] == 1
    assert [before <= record[name] <= time.time() for name in ("b", "c")] == [True, True]


@pytest.mark.parametrize("damage", ["{half", "[]", '{"a": "yesterday"}'])
def test_a_damaged_record_of_use_is_none(store: Store, damage: str) -> None:
    store.root.mkdir()
    (store.root / "used.json").write_text(damage)

    assert used(store) == {}


def test_what_cannot_be_noted_is_not_and_nothing_else_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "cache")
    note_used(store, ["a"])

    assert not store.root.exists()
