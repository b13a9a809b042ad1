import hashlib
import json
import os
from pathlib import Path

import pytest

from lifecycle.cleanup.cache_verify import CacheDamagedError, show_damage
from tests.support.builders.cache_items import OTHER, everything, kept_input, kept_result, written
from tests.support.builders.projects import project
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession

SHA256 = hashlib.sha256(b"content").hexdigest()


@pytest.fixture
def here(tmp_path: Path) -> FakeSession:
    """Return a session whose cache has an undamaged input and an undamaged result."""
    session = FakeSession(project(), tmp_path / "cache", FakeEngine())
    kept_input(session.cache, SHA256)
    kept_result(session.cache, "modules", OTHER)
    return session


def damage(session: FakeSession) -> tuple[Path, Path]:
    """Put a damaged input and a damaged result into the cache, and return their paths."""
    result = kept_result(session.cache, "archive", OTHER)
    (result / "file").write_text("another")
    return kept_input(session.cache, OTHER), result


def test_a_cache_of_which_all_is_whole_stays_as_it_is(here: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    before = everything(here.cache.root)
    show_damage(here, dry_run=False, as_json=False)

    assert capsys.readouterr().out == "2 inputs and results, 17 kB: nothing is damaged\n"
    assert everything(here.cache.root) == {**before, Path("lock"): b""}


def test_damaged_items_are_named_and_removed_for_the_next_build(
    here: FakeSession, capsys: pytest.CaptureFixture[str]
) -> None:
    blob, result = damage(here)
    with pytest.raises(CacheDamagedError, match="damaged: 2 of 4 inputs and results\nThey are removed: the next build"):
        show_damage(here, dry_run=False, as_json=False)

    assert capsys.readouterr().out.splitlines() == [
        f"damaged, removed: {blob}: its sha256 is {SHA256}",
        f"damaged, removed: {result}: file is not as it was written",
    ]
    assert (blob.exists(), result.exists()) == (False, False)
    assert here.cache.blob(SHA256).exists()
    show_damage(here, dry_run=False, as_json=False)


def test_what_was_verified_once_is_read_again(here: FakeSession) -> None:
    blob = here.cache.blob(SHA256)
    assert here.cache.has_blob(SHA256)
    here.cache.save_index()
    stamp = blob.stat()
    # The same size, time and inode, as when a disk forgets a bit.
    blob.write_text("content"[::-1])
    os.utime(blob, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.raises(CacheDamagedError):
        show_damage(here, dry_run=False, as_json=False)

    assert not here.cache.has_blob(SHA256)


def test_a_dry_run_only_names(here: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    damage(here)
    before = everything(here.cache.root)
    with pytest.raises(CacheDamagedError, match="Without --dry-run they are removed"):
        show_damage(here, dry_run=True, as_json=False)

    assert [line.partition(": ")[0] for line in capsys.readouterr().out.splitlines()] == ["damaged", "damaged"]
    assert everything(here.cache.root) == before


def test_as_data(here: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    blob, result = damage(here)
    older = kept_result(here.cache, "signed", OTHER)
    (older / "result.json").write_text('{"modules": {}}')
    written(here.cache.root / "mine")
    with pytest.raises(CacheDamagedError):
        show_damage(here, dry_run=True, as_json=True)

    assert json.loads(capsys.readouterr().out) == {
        "cache": str(here.cache.root),
        "dry_run": True,
        "looked_at": 5,
        "damaged": [
            {"path": str(blob), "problem": f"its sha256 is {SHA256}"},
            {"path": str(result), "problem": "file is not as it was written"},
        ],
        "in_part": [str(older)],
        "not_ours": [str(here.cache.root / "mine")],
    }


def test_what_could_not_be_verified_in_full_is_said(here: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    older = kept_result(here.cache, "signed", OTHER)
    (older / "result.json").write_text('{"modules": {}}')
    written(here.cache.root / "mine")
    show_damage(here, dry_run=False, as_json=False)
    said = capsys.readouterr().out.splitlines()

    assert said[0] == f"not ours, not looked at: {here.cache.root / 'mine'}"
    assert said[1].startswith("verified in part: 1 of the results, from before the sha256 of their files")


def test_where_there_is_no_cache_nothing_is_damaged_and_none_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_damage(FakeSession(project(), tmp_path / "none", FakeEngine()), dry_run=False, as_json=False)

    assert capsys.readouterr().out == "0 inputs and results, 0 kB: nothing is damaged\n"
    assert not (tmp_path / "none").exists()
