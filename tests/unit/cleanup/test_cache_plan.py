import os
from collections.abc import Collection
from pathlib import Path

import pytest

from lifecycle.cache.cache import TESTED, Cache
from lifecycle.cache.evidence import note_evidence
from lifecycle.cache.inventory import list_items
from lifecycle.cache.last_used import write_used
from lifecycle.cache.required import RequiredItems
from lifecycle.cleanup.cache_plan import CacheDecision, plan, remove
from lifecycle.cleanup.retention import Age, ItemKind
from tests.support.builders.cache_items import NOW, OTHER, aged, everything, kept_input, kept_result, written

WANTED = "a" * 64
HOUR = Age(seconds=3600, text="1h")
DAY = 86_400


def needs(**parts: Collection[object]) -> RequiredItems:
    """Return required items named WANTED or `a`; the arguments replace the defaults."""
    given: dict[str, Collection[object]] = {
        "inputs": {WANTED},
        "results": {("modules", WANTED)},
        "names": {"a"},
        "combinations": {"a"},
        "lists": {"a"},
        "images": set(),
    }
    return RequiredItems(**{**given, **parts})  # type: ignore[arg-type]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Return a cache with a required item of each kind and one that is not required; all are a day old."""
    cache = Cache(tmp_path / "cache")
    for digest in (WANTED, OTHER):
        kept_input(cache, digest)
        kept_result(cache, "modules", digest)
        written(cache.part(digest[:-1] + "0"))
    for name in ("a", "b"):
        cache.remember("modules", name, {})
        cache.log("modules", name).write_text("")
        note_evidence(cache, TESTED, f"sha256:{name}", {"combination": name})
        written(cache.root / f"apt/{name}/status")
    written(cache.tmp / "compile-abcdefgh/file")
    written(cache.root / "given/registry_repository.json")
    written(cache.root / "lock")
    written(cache.root / "verified.json", "{}")
    written(cache.root / "mine")
    aged(cache.root, DAY)
    return cache


NEEDS = needs(inputs={WANTED, WANTED[:-1] + "0"})


def planned(cache: Cache, older_than: Age | None = None) -> list[CacheDecision]:
    return plan(list_items(cache, NOW), NEEDS, {WANTED: ItemKind.HEADERS}, now=NOW, older_than=older_than)


def going(cache: Cache, older_than: Age | None = None) -> set[str]:
    return {f.item.path.relative_to(cache.root).as_posix() for f in planned(cache, older_than) if f.to_remove}


UNNEEDED = {
    f"blobs/{OTHER}",
    f"results/modules/{OTHER}",
    f"tmp/{OTHER[:-1]}0.part",
    "tmp/compile-abcdefgh",
    "latest/modules/b.json",
    "logs/modules/b.log",
    "tested/b.json",
    "apt/b",
    "given/registry_repository.json",
}


def test_what_nobody_needs_goes_and_all_the_rest_stays(cache: Cache) -> None:
    assert going(cache) == UNNEEDED
    assert {f.item.name: (f.needed, f.kept) for f in planned(cache) if f.kind is ItemKind.FOREIGN} == {
        "mine": (False, "it is left alone")
    }


def test_it_is_said_what_a_thing_is_and_why_it_goes(cache: Cache) -> None:
    said = {(f.item.path.relative_to(cache.root).as_posix(), f.kind, f.reason) for f in planned(cache)}

    assert said >= {
        (f"blobs/{WANTED}", ItemKind.HEADERS, "a current combination needs it"),
        (f"blobs/{OTHER}", ItemKind.OTHERS, "no current combination needs it"),
        (f"results/modules/{OTHER}", ItemKind.MODULES, "no current combination needs it"),
        ("tmp/compile-abcdefgh", ItemKind.LEFTOVERS, "a killed run left it behind"),
        ("given/registry_repository.json", ItemKind.OUTDATED, "an older version wrote it"),
        ("lock", ItemKind.BOOKS, "a current combination needs it"),
    }


def test_with_an_age_what_was_used_within_it_stays_and_it_is_said(cache: Cache) -> None:
    os.utime(cache.blob(OTHER), (NOW - 60, NOW - 60))
    write_used(cache, {OTHER: int(NOW) - 60})
    recent = {f.item.path.name: f.kept for f in planned(cache, HOUR) if f.kept and f.kind is not ItemKind.FOREIGN}

    assert recent == dict.fromkeys([OTHER], "it was used within 1h")
    assert going(cache, HOUR) == UNNEEDED - {f"blobs/{OTHER}", f"results/modules/{OTHER}"}


def test_an_age_takes_nothing_that_is_needed_however_old(cache: Cache) -> None:
    assert going(cache, Age(seconds=0, text="0s")) == UNNEEDED
    assert going(cache, Age(seconds=2 * DAY, text="2d")) == set()


def test_what_somebody_works_with_stays(cache: Cache) -> None:
    os.utime(cache.root / "apt/b/status", (NOW - 60, NOW - 60))
    os.utime(cache.part(OTHER[:-1] + "0"), (NOW - 60, NOW - 60))

    assert going(cache) == UNNEEDED - {"apt/b", f"tmp/{OTHER[:-1]}0.part"}


def test_a_result_of_another_kind_is_another_result(cache: Cache) -> None:
    kept_result(cache, "archive", WANTED, age=DAY)

    assert f"results/archive/{WANTED}" in going(cache)


def test_what_goes_is_gone_and_the_rest_is_as_it_was(cache: Cache) -> None:
    before = everything(cache.root)
    remove(cache, planned(cache))
    after = everything(cache.root)

    assert going(cache) == set()
    assert after.keys() == {path for path in before if not any(path.is_relative_to(gone) for gone in UNNEEDED)}
    assert after.items() <= before.items()
    assert [path.name for path in cache.tmp.iterdir()] == [f"{WANTED[:-1]}0.part"]


def test_the_bytes_that_are_free_then_are_counted_and_of_links_the_last(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").hardlink_to(cache.blob(OTHER))
    os.utime(cache.blob(OTHER), (NOW - DAY, NOW - DAY))
    freed = remove(cache, [f for f in planned(cache) if f.item.path in (cache.blob(OTHER), cache.root / "apt/b")])

    assert freed == (cache.root / "apt/a/status").stat().st_blocks * 512
