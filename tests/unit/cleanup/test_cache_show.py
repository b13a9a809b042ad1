import json
from pathlib import Path

import pytest

from lifecycle.cache.required import needs_of
from lifecycle.cleanup.cache_show import rows, show_room
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.labels import LABEL_DIGEST
from tests.support.builders.cache_items import OTHER, everything, kept_input, kept_result, written
from tests.support.builders.projects import project
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession, fill

NOW = project()
BLOCK = 4096


@pytest.fixture
def here(tmp_path: Path) -> FakeSession:
    return FakeSession(NOW, tmp_path / "cache", FakeEngine())


def image(name: str, *layers: str, size: int) -> LocalImage:
    return LocalImage(id=name, tags=(name,), size=size, labels={LABEL_DIGEST: "1"}, layers=layers)


def shown(session: FakeSession, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    show_room(session, as_json=True)
    return dict(json.loads(capsys.readouterr().out))


def test_things_of_a_sort_are_added_up() -> None:
    first, second = rows([("a", 3, True), ("b", 5, False), ("a", 4, False)])

    assert (first.what, first.count, first.size, first.needed, first.not_needed) == ("a", 2, 7, 3, 4)
    assert (second.what, second.count, second.size, second.needed, second.not_needed) == ("b", 1, 5, 0, 5)


def test_it_is_shown_what_takes_room_by_what_it_is(here: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    fill(here)
    kept_input(here.cache, OTHER)
    things = shown(here, capsys)["things"]
    counts = {row["what"]: (row["count"], row["not_needed"] // BLOCK) for row in things}  # type: ignore[attr-defined]

    assert list(counts.items()) == [
        ("kernel headers", (2, 0)),
        ("driver sources", (3, 0)),
        ("user-space packages", (2, 0)),
        ("base packages", (3, 0)),
        ("kernels, for tests", (2, 0)),
        ("other inputs", (1, 1)),
        ("compiled modules", (6, 0)),
        ("user-space archives", (2, 0)),
        ("modules archives", (6, 0)),
    ]


def test_what_an_earlier_lock_named_is_known_by_what_was_made_of_it(
    here: FakeSession, capsys: pytest.CaptureFixture[str]
) -> None:
    kept_input(here.cache, OTHER)
    kept_input(here.cache, "e" * 64)
    here.cache.remember("modules", "x", {"kernel": {"linux-headers=1": OTHER}})
    with here.cache.making("userspace", OTHER, {"inputs": {"packages": {"libcuda1=1": "e" * 64}}}):
        pass
    things = shown(here, capsys)["things"]

    assert {row["what"] for row in things} >= {"kernel headers", "user-space packages"}  # type: ignore[attr-defined]


def test_images_of_the_engine_are_shown_by_their_name(here: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    needed = next(name for name in map(str, needs_of(NOW).images) if "/base:" in name)
    old = "nvidia-installer/builder-debian_12:old"
    here.engine.images_there = [image(old, "l1", "l2", size=103), image(needed, "l1", size=100)]

    assert shown(here, capsys)["images"] == [
        {"what": "nvidia-installer/base", "count": 1, "size": 100, "needed": 100, "not_needed": 0},
        {"what": "nvidia-installer/builder-debian_12", "count": 1, "size": 3, "needed": 0, "not_needed": 3},
    ]


def test_people_see_tables_with_what_can_go_at_the_end(here: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    fill(here)
    kept_result(here.cache, "modules", OTHER)
    written(here.cache.root / "mine")
    here.engine.images_there = [image("nvidia-installer/base:old", size=2_000_000)]
    show_room(here, as_json=False)
    lines = [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in capsys.readouterr().out.splitlines()
    ]

    assert lines[:2] == [[str(here.cache.root)], ["what", "count", "size", "needed", "not needed"]]
    assert ["compiled modules", "7", "87 kB", "74 kB", "13 kB"] in lines
    assert [f"not ours, left alone: {here.cache.root / 'mine'} (5 kB)"] in lines
    assert lines[-4:] == [
        ["what", "count", "size", "needed", "not needed"],
        ["nvidia-installer/base", "1", "2 MB", "–", "2 MB"],
        ["all of it", "1", "2 MB", "–", "2 MB"],
        ["not needed: 2 MB, which `invoke cache.prune` removes"],
    ]


def test_where_there_is_no_cache_that_is_said_and_none_is_made(
    here: FakeSession, capsys: pytest.CaptureFixture[str]
) -> None:
    show_room(here, as_json=False)

    assert capsys.readouterr().out == f"there is nothing in {here.cache.root}\n"
    assert not here.cache.root.exists()


def test_without_an_engine_it_is_said_that_its_images_are_left_out(
    here: FakeSession, capsys: pytest.CaptureFixture[str]
) -> None:
    here.engine.unreachable = True

    assert shown(here, capsys)["images"] is None
    assert "no container engine answers at unix:///nobody: its images are left out" in here.said.getvalue()


def test_looking_changes_nothing(here: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    fill(here)
    before = everything(here.cache.root)
    show_room(here, as_json=False)

    assert capsys.readouterr().out
    assert everything(here.cache.root) == before
