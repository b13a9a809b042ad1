import fcntl
import json
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.app.session import Session
from lifecycle.cache.last_used import used, write_used
from lifecycle.cache.required import needs_of
from lifecycle.cleanup.cache_prune import show_cache_prune
from lifecycle.cleanup.retention import Age
from lifecycle.cleanup.survey import survey
from lifecycle.planning.locked_project import NotLockedError
from lifecycle.planning.targets import Targets
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.labels import LABEL_DIGEST
from tests.support.builders.cache_items import OTHER, aged, everything, kept_input, kept_result, results, written
from tests.support.builders.projects import component, every_target, project
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession, fill

NOW = project()
NEEDS = needs_of(NOW)
DAY = 86_400
NOTE = '{"combination": "x"}'
MONTH = Age(seconds=30 * DAY, text="30d")


def image(name: str) -> LocalImage:
    return LocalImage(id=f"sha256:{name}", tags=(name,), size=1_000_000, labels={LABEL_DIGEST: "1"}, layers=(name,))


def session(cache: Path, *images: str) -> FakeSession:
    return FakeSession(NOW, cache, FakeEngine(*map(image, images)))


@pytest.fixture
def here(tmp_path: Path) -> FakeSession:
    """Return a session whose cache and engine have all required items, and some more."""
    made = session(tmp_path / "cache", "nvidia-installer/base:old", *map(str, NEEDS.images))
    fill(made)
    kept_input(made.cache, OTHER)
    kept_result(made.cache, "modules", OTHER)
    written(made.cache.root / "mine")
    return made


def needed_paths(root: Path) -> set[Path]:
    """Return the paths of the cache items that a build of the project looks for."""
    cache, targets = session(root).cache, every_target(NOW)
    paths = {cache.blob(file.sha256) for file in NOW.lock.files()}
    return paths | {root / "results" / t.kind / t.digest / "file" for t in targets if t.kind not in ("base", "image")}


FILES = sorted({file.sha256 for file in NOW.lock.files()})
NAMES = st.sampled_from(
    [
        *(f"blobs/{sha256}" for sha256 in [*FILES, OTHER, "e" * 64, "mine"]),
        *(f"results/{kind}/{digest}/file" for kind, digest in results((t.kind, t.digest) for t in every_target(NOW))),
        *(f"results/{kind}/{OTHER}/file" for kind in ("modules", "archive", "base", "mine")),
        *(f"tmp/{name}" for name in (f"{OTHER}.part", "compile-abcdefgh/file", "tmpabcdefgh", "mine")),
        *(
            "logs/modules/x.log",
            "latest/image/x.json",
            "tested/x.json",
            "apt/x/status",
            "answers/nvidia-installer_kernel-6-1:0",
            "mine/file",
            "lock",
        ),
    ]
)
THINGS = st.dictionaries(NAMES, st.integers(0, 100), max_size=20)
AGES = st.none() | st.integers(0, 100).map(lambda days: Age(seconds=days * DAY, text=f"{days}d"))
IMAGES = st.lists(st.sampled_from([*sorted(map(str, NEEDS.images)), "nvidia-installer/base:x", "mine:1"]), unique=True)


@given(THINGS, AGES, IMAGES, st.sets(st.sampled_from([*FILES, OTHER])))
def test_whatever_is_there_all_that_is_needed_is_there_afterwards(
    things: dict[str, int], older_than: Age | None, images: list[str], noted: set[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = session(Path(folder), *images)
        for name, days in things.items():
            written(here.cache.root / name, NOTE, age=days * DAY)
        write_used(here.cache, dict.fromkeys(noted, 2_000_000_000))
        before = everything(here.cache.root)
        show_cache_prune(here, older_than, dry_run=False, as_json=True)
        after = everything(here.cache.root)

    needed = {path.relative_to(folder) for path in needed_paths(Path(folder))}
    assert {path for path in before if path in needed or "mine" in path.parts} <= after.keys()
    assert {image.tags[0] for image in here.engine.images_there} >= {*images} & {*NEEDS.images, "mine:1"}


@given(st.sets(NAMES))
def test_nothing_of_ours_stays_that_nobody_needs(things: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here = session(Path(folder))
        for name in things:
            written(here.cache.root / name, NOTE)
        aged(here.cache.root, DAY)
        show_cache_prune(here, None, dry_run=False, as_json=True)
        left = {path for path in everything(here.cache.root) if "mine" not in path.parts}

    books = {Path(name) for name in ("lock", "verified.json", "used.json")}
    assert left <= books | {path.relative_to(folder) for path in needed_paths(Path(folder))}


def test_what_is_built_is_still_there_for_the_next_build(here: FakeSession) -> None:
    show_cache_prune(here, None, dry_run=False, as_json=True)

    assert not (here.cache.root / "blobs" / OTHER).exists()
    assert all(here.cache.blob(file.sha256).exists() for file in NOW.lock.files())
    assert all(here.cache.result(kind, digest) for kind, digest in results(NEEDS.results))


def test_what_was_retired_goes(here: FakeSession) -> None:
    before, (driver,) = NOW.lock.drivers["535/amd64"], [c for c in NOW.matrix.combinations if c.branch == "535"][:1]
    modules = Targets(NOW).compiled(driver, driver.module_types[0])
    here.given = project(component=component(("    - 535\n", "")), lock=NOW.lock)
    show_cache_prune(here, None, dry_run=False, as_json=True)

    assert [here.cache.blob(file.sha256).exists() for file in before.userspace] == [False]
    assert here.cache.result(modules.kind, modules.digest) is None


def test_people_see_what_went_and_what_it_came_to(here: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    show_cache_prune(here, None, dry_run=False, as_json=False)
    lines = [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in capsys.readouterr().out.splitlines()
    ]

    assert [line[:3] for line in lines[2:5]] == [
        ["removed", "other inputs", "1"],
        ["removed", "compiled modules", "1"],
        ["removed", "nvidia-installer/base:old", "1"],
    ]
    assert lines[5][0].endswith(" kB freed in the cache")
    assert lines[6] == ["1 MB freed in the engine"]
    show_cache_prune(here, None, dry_run=False, as_json=False)
    assert capsys.readouterr().out == "there is nothing to remove\n"


def test_a_dry_run_says_the_same_and_touches_nothing(here: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    before, images = everything(here.cache.root), survey(here).images
    show_cache_prune(here, None, dry_run=True, as_json=True)
    said = json.loads(capsys.readouterr().out)

    assert (everything(here.cache.root), survey(here).images) == (before, images)
    show_cache_prune(here, None, dry_run=False, as_json=True)
    done = json.loads(capsys.readouterr().out)
    assert (said["things"], said["images"]) == (done["things"], done["images"])
    assert (said["freed"], said["freed_in_engine"], said["dry_run"]) == (0, 0, True)
    assert (done["freed"] > 0, done["freed_in_engine"], done["dry_run"]) == (True, 1_000_000, False)


def test_as_data_it_is_what_nobody_needs_one_by_one(here: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    show_cache_prune(here, MONTH, dry_run=True, as_json=True)
    said = json.loads(capsys.readouterr().out)
    blob, result = said["things"]

    assert blob == {
        "what": "other inputs",
        "path": str(here.cache.blob(OTHER)),
        "size": here.cache.blob(OTHER).stat().st_blocks * 512,
        "used": int(here.cache.blob(OTHER).stat().st_mtime),
        "reason": "no current combination needs it",
        "kept": "it was used within 30d",
    }
    assert result["path"] == str(here.cache.root / "results/modules" / OTHER)
    assert [(one["names"], one["kept"]) for one in said["images"]] == [(["nvidia-installer/base:old"], "")]


def test_what_is_gone_is_not_in_the_records_any_more(here: FakeSession) -> None:
    kept = str(next(iter(NEEDS.inputs)))
    write_used(here.cache, {OTHER: 1, "nvidia-installer/base:old": 1, kept: 1})
    show_cache_prune(here, None, dry_run=False, as_json=True)

    assert used(here.cache) == {kept: 1}


def test_without_an_engine_the_cache_is_pruned_and_it_is_said(
    here: FakeSession, capsys: pytest.CaptureFixture[str]
) -> None:
    here.engine.unreachable = True
    show_cache_prune(here, None, dry_run=False, as_json=True)

    assert json.loads(capsys.readouterr().out)["images"] is None
    assert not here.cache.blob(OTHER).exists()
    assert "no container engine answers at unix:///nobody: its images are left out" in here.said.getvalue()


def test_where_there_is_no_cache_none_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_cache_prune(session(tmp_path / "cache"), None, dry_run=False, as_json=False)

    assert capsys.readouterr().out == "there is nothing to remove\n"
    assert not (tmp_path / "cache").exists()


def test_nothing_is_removed_where_the_lock_does_not_say_what_is_current(checkout: Path) -> None:
    here = Session(checkout, cache_dir=str(checkout.parent / "cache"), environ={})
    kept_input(here.cache, OTHER)
    packages = checkout / "dockerfiles/builder/packages"
    packages.write_text(packages.read_text() + "one-more\n")
    with pytest.raises(NotLockedError):
        show_cache_prune(here, None, dry_run=False, as_json=False)

    assert here.cache.blob(OTHER).exists()


def test_pruning_waits_for_a_running_build_and_uses_the_lock_it_writes(here: FakeSession) -> None:
    """Check that pruning uses the versions.lock written by the build, which requires other files than before."""
    seen = threading.Event()
    here.progress.say = lambda text, style=None: seen.set() if "waiting for it to end" in text else None  # type: ignore[method-assign]
    old = NOW.lock.kernels["old-1/amd64"]
    with (here.cache.root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = threading.Thread(
            target=show_cache_prune, args=(here, None), kwargs={"dry_run": False, "as_json": True}
        )
        waiting.start()
        assert seen.wait(30)
        headers = [old.headers[0].model_copy(update={"sha256": OTHER})]
        moved = old.model_copy(update={"headers": headers})
        here.given = project(lock=NOW.lock.model_copy(update={"kernels": {**NOW.lock.kernels, "old-1/amd64": moved}}))
    waiting.join(30)

    assert here.cache.blob(OTHER).exists()
    assert not here.cache.blob(old.headers[0].sha256).exists()
