import os
from collections.abc import Collection
from pathlib import Path

import pytest

from lifecycle.model.keeping import Age, Needs, What
from lifecycle.steps.cache import Fate, plan, remove
from lifecycle.tools.inventory import take_stock
from lifecycle.tools.store import Store
from lifecycle.tools.usage import write_used
from tests.support.builders.cache_items import NOW, OTHER, aged, everything, kept_input, kept_result, written

WANTED = "a" * 64
HOUR = Age(seconds=3600, text="1h")
DAY = 86_400


def needs(**parts: Collection[object]) -> Needs:
    """What is needed: things that are named WANTED, or a."""
    given: dict[str, Collection[object]] = {
        "inputs": {WANTED},
        "results": {("modules", WANTED)},
        "names": {"a"},
        "combinations": {"a"},
        "lists": {"a"},
        "images": set(),
    }
    return Needs(**{**given, **parts})  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A cache with a thing of each sort that is needed, and one that is not; all a day old."""
    store = Store(tmp_path / "cache")
    for digest in (WANTED, OTHER):
        kept_input(store, digest)
        kept_result(store, "modules", digest)
        written(store.part(digest[:-1] + "0"))
    for name in ("a", "b"):
        store.remember("modules", name, {})
        store.log("modules", name).write_text("")
        store.note_tested(f"sha256:{name}", name)
        written(store.root / f"apt/{name}/status")
    written(store.tmp / "compile-abcdefgh/file")
    written(store.root / "lock")
    written(store.root / "verified.json", "{}")
    written(store.root / "mine")
    aged(store.root, DAY)
    return store


NEEDS = needs(inputs={WANTED, WANTED[:-1] + "0"})


def planned(store: Store, older_than: Age | None = None) -> list[Fate]:
    return plan(take_stock(store, NOW), NEEDS, {WANTED: What.HEADERS}, now=NOW, older_than=older_than)


def going(store: Store, older_than: Age | None = None) -> set[str]:
    return {f.item.path.relative_to(store.root).as_posix() for f in planned(store, older_than) if f.goes}


UNNEEDED = {
    f"blobs/{OTHER}",
    f"results/modules/{OTHER}",
    f"tmp/{OTHER[:-1]}0.part",
    "tmp/compile-abcdefgh",
    "latest/modules/b.json",
    "logs/modules/b.log",
    "tested/b.json",
    "apt/b",
}


def test_what_nobody_needs_goes_and_all_the_rest_stays(store: Store) -> None:
    assert going(store) == UNNEEDED
    assert {f.item.name: (f.needed, f.kept) for f in planned(store) if f.what is What.FOREIGN} == {
        "mine": (False, "it is left alone")
    }


def test_it_is_said_what_a_thing_is_and_why_it_goes(store: Store) -> None:
    said = {(f.item.path.relative_to(store.root).as_posix(), f.what, f.reason) for f in planned(store)}

    assert said >= {
        (f"blobs/{WANTED}", What.HEADERS, "a current combination needs it"),
        (f"blobs/{OTHER}", What.OTHERS, "no current combination needs it"),
        (f"results/modules/{OTHER}", What.MODULES, "no current combination needs it"),
        ("tmp/compile-abcdefgh", What.LEFTOVERS, "a run that was killed left it behind"),
        ("lock", What.BOOKS, "a current combination needs it"),
    }


def test_with_an_age_what_was_used_within_it_stays_and_it_is_said(store: Store) -> None:
    os.utime(store.blob(OTHER), (NOW - 60, NOW - 60))
    write_used(store, {OTHER: int(NOW) - 60})
    recent = {f.item.path.name: f.kept for f in planned(store, HOUR) if f.kept and f.what is not What.FOREIGN}

    assert recent == dict.fromkeys([OTHER], "it was used within 1h")
    assert going(store, HOUR) == UNNEEDED - {f"blobs/{OTHER}", f"results/modules/{OTHER}"}


def test_an_age_takes_nothing_that_is_needed_however_old(store: Store) -> None:
    assert going(store, Age(seconds=0, text="0s")) == UNNEEDED
    assert going(store, Age(seconds=2 * DAY, text="2d")) == set()


def test_what_somebody_works_with_stays(store: Store) -> None:
    os.utime(store.root / "apt/b/status", (NOW - 60, NOW - 60))
    os.utime(store.part(OTHER[:-1] + "0"), (NOW - 60, NOW - 60))

    assert going(store) == UNNEEDED - {"apt/b", f"tmp/{OTHER[:-1]}0.part"}


def test_a_result_of_another_kind_is_another_result(store: Store) -> None:
    kept_result(store, "archive", WANTED, age=DAY)

    assert f"results/archive/{WANTED}" in going(store)


def test_what_goes_is_gone_and_the_rest_is_as_it_was(store: Store) -> None:
    before = everything(store.root)
    remove(store, planned(store))
    after = everything(store.root)

    assert going(store) == set()
    assert after.keys() == {path for path in before if not any(path.is_relative_to(gone) for gone in UNNEEDED)}
    assert after.items() <= before.items()
    assert [path.name for path in store.tmp.iterdir()] == [f"{WANTED[:-1]}0.part"]


def test_the_bytes_that_are_free_then_are_counted_and_of_links_the_last(store: Store, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").hardlink_to(store.blob(OTHER))
    os.utime(store.blob(OTHER), (NOW - DAY, NOW - DAY))
    freed = remove(store, [f for f in planned(store) if f.item.path in (store.blob(OTHER), store.root / "apt/b")])

    assert freed == (store.root / "apt/a/status").stat().st_blocks * 512
