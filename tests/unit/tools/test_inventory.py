import errno
import os
from pathlib import Path

import pytest

from lifecycle.tools.inventory import Item, Part, room, take_stock
from lifecycle.tools.store import Store
from lifecycle.tools.usage import note_used, write_used
from tests.support.builders.cache_items import NOW, OTHER, aged, kept_input, kept_result, written

IMAGE = "nvidia-installer/kernel-6-1:0123456789abcdef"
HOURS = 2 * 3600


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def stock(store: Store) -> dict[str, Item]:
    """What there is, by its path in the cache."""
    return {item.path.relative_to(store.root).as_posix(): item for item in take_stock(store, NOW)}


def known(store: Store) -> dict[str, tuple[Part, str, str]]:
    return {path: (item.part, item.kind, item.name) for path, item in stock(store).items()}


def test_where_there_is_no_cache_there_is_nothing(store: Store) -> None:
    assert take_stock(store, NOW) == []
    assert not store.root.exists()


def test_all_that_is_written_is_known_by_its_name(store: Store) -> None:
    kept_input(store, OTHER)
    store.save_index()
    kept_result(store, "modules", OTHER)
    store.remember("image", "a/b/c", {})
    store.log("compile", "a/b/c").write_text("")
    store.note_tested("sha256:1", "a/b/c")
    note_used(store, [OTHER])
    written(store.answers(IMAGE))
    written(store.timing("a/b"))
    store.note_given("registry/repository", [OTHER])
    written(store.part(OTHER[:-1] + "0"))
    written(store.root / "apt/bookworm-amd64-1/lists/x")
    written(store.root / "lock")

    assert known(store) == {
        f"blobs/{OTHER}": (Part.BLOB, "", OTHER),
        f"results/modules/{OTHER}": (Part.RESULT, "modules", OTHER),
        "latest/image/a_b_c.json": (Part.LATEST, "image", "a_b_c"),
        "logs/compile/a_b_c.log": (Part.LOG, "compile", "a_b_c"),
        "tested/1.json": (Part.TESTED, "", "a/b/c"),
        "answers/nvidia-installer_kernel-6-1:0123456789abcdef": (
            Part.ANSWERS,
            "",
            "nvidia-installer_kernel-6-1:0123456789abcdef",
        ),
        f"tmp/{OTHER[:-1]}0.part": (Part.DOWNLOAD, "", f"{OTHER[:-1]}0"),
        "apt/bookworm-amd64-1": (Part.LISTS, "", "bookworm-amd64-1"),
        "timings/a_b.json": (Part.TIMING, "", "a_b"),
        "given/registry_repository.json": (Part.BOOKS, "", "registry_repository"),
        "lock": (Part.BOOKS, "", "lock"),
        "used.json": (Part.BOOKS, "", "used.json"),
    }


@pytest.mark.parametrize(
    "path",
    [
        "mine",
        "folder/mine",
        "blobs/mine",
        f"blobs/{OTHER[:-1]}",
        f"results/mine/{OTHER}/result.json",
        "results/modules/mine",
        "results/mine",
        "latest/mine",
        "latest/modules/mine",
        "logs/modules/mine.txt",
        "tested/mine",
        "answers/mine",
        "timings/mine",
        "given/mine",
        "tmp/mine",
        "tmp/mine.part",
        "apt/mine",
        "tested/1.json",
    ],
)
def test_what_we_did_not_write_is_not_ours(store: Store, path: str) -> None:
    written(store.root / path)

    assert [item.part for item in take_stock(store, NOW)] == [Part.FOREIGN]


@pytest.mark.parametrize(
    "name", ["blobs", "results", "tmp", "apt", "logs", "latest", "tested", "answers", "timings", "given"]
)
def test_a_folder_that_is_a_link_is_not_ours_and_nobody_goes_there(store: Store, name: str, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    kept_input(other, OTHER)
    store.root.mkdir()
    (store.root / name).symlink_to(tmp_path / "other/blobs")

    assert known(store) == {name: (Part.FOREIGN, "", name)}


@pytest.mark.parametrize(
    "path", [f"blobs/{OTHER}", f"results/modules/{OTHER}", f"tmp/{OTHER}.part", "tmp/compile-abcdefgh", "lock"]
)
def test_a_link_is_not_ours_whatever_it_is_called(store: Store, path: str, tmp_path: Path) -> None:
    (store.root / path).parent.mkdir(parents=True)
    (store.root / path).symlink_to(tmp_path)

    assert [item.part for item in take_stock(store, NOW)] == [Part.FOREIGN]


def test_bytes_to_which_several_links_lead_are_counted_once(store: Store) -> None:
    blob = kept_input(store, OTHER)
    link = written(store.tmp / "base-abcdefgh/debs/x.deb")
    link.unlink()
    link.hardlink_to(blob)
    found = stock(store)

    assert found[f"blobs/{OTHER}"].size == blob.stat().st_blocks * 512 > 0
    assert found["tmp/base-abcdefgh"].size == 2 * (store.tmp / "base-abcdefgh").stat().st_blocks * 512


def test_only_what_no_other_link_leads_to_makes_room(store: Store) -> None:
    blob, single = kept_input(store, OTHER), written(store.root / "blobs/single")
    blob.with_name("other").hardlink_to(blob)

    assert (room(blob), room(single)) == (0, single.stat().st_blocks * 512)
    assert room(store.root / "blobs") == room(single)


def test_an_item_was_used_when_written_or_noted_by_a_build(store: Store) -> None:
    kept_input(store, OTHER, age=500)
    kept_result(store, "archive", OTHER, age=700)
    written(store.answers(IMAGE), age=900)
    assert {item.used for item in stock(store).values()} == {NOW - 500, NOW - 700, NOW - 900}

    write_used(store, {OTHER: int(NOW) - 600, IMAGE: int(NOW) - 1})
    used = {path: NOW - item.used for path, item in stock(store).items()}
    assert used[f"blobs/{OTHER}"] == 500
    assert used[f"results/archive/{OTHER}"] == 600
    assert used["answers/nvidia-installer_kernel-6-1:0123456789abcdef"] == 1


def test_a_folder_was_used_when_the_last_file_in_it_was_written(store: Store) -> None:
    root = store.root / "apt/bookworm-amd64-1"
    old, new = written(root / "lists/old"), written(root / "status")
    aged(root, 9000)
    os.utime(new, (NOW - 100, NOW - 100))

    assert old.exists()
    assert take_stock(store, NOW)[0].used == NOW - 100


def test_a_scratch_folder_is_busy_while_somebody_is_there_however_long(store: Store) -> None:
    with store.scratch("compile") as folder:
        (folder / "file").write_text("")
        aged(folder, 100_000)
        (mine,) = take_stock(store, NOW)
        left = written(store.tmp / "compile-abcdefgh/file").parent
        busy = {item.path: item.busy for item in take_stock(store, NOW)}

    assert (mine.part, mine.busy) == (Part.LEFTOVER, True)
    assert busy == {folder: True, left: False}


def test_a_scratch_folder_on_a_file_system_without_locks_counts_as_busy(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with store.scratch("compile"):
        assert [item.busy for item in take_stock(store, NOW)] == [True]


@pytest.mark.parametrize("name", [f"{OTHER}.part", f"{OTHER}.bundle.part", "tmpabcdefgh"])
def test_a_file_that_is_written_to_is_busy_until_nobody_has_for_an_hour(store: Store, name: str) -> None:
    path = written(store.tmp / name, age=3500)
    assert [item.busy for item in take_stock(store, NOW)] == [True]

    aged(path, 3700)
    assert [item.busy for item in take_stock(store, NOW)] == [False]


@pytest.mark.parametrize("name", [f"{OTHER}.bundle.part", "tmpabcdefgh", f"{OTHER}.part"])
def test_a_file_that_nobody_takes_up_again_was_left_behind(store: Store, name: str) -> None:
    kept_input(store, OTHER)
    written(store.tmp / name, age=HOURS)

    assert known(store)[f"tmp/{name}"][0] is Part.LEFTOVER
