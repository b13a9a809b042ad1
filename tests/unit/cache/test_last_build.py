import threading
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.inventory import CacheSection, list_items
from lifecycle.cache.last_build import BuildRecorder, LastBuild, note_last_build, read_last_build


def record(recorder: BuildRecorder) -> LastBuild:
    return recorder.record(combinations=1, reused={"base": 1}, taken={})


def add(recorder: BuildRecorder, title: str, seconds: float = 0) -> None:
    recorder.add_step(title, kind="base", name="n", makes=["m"], needs=["x"], seconds=seconds, failed=False)


def test_a_build_is_read_as_it_was_saved(tmp_path: Path) -> None:
    recorder = BuildRecorder()
    recorder.note_concurrency(2, 4)
    with recorder.phase("build"), recorder.cores():
        add(recorder, "base image")
    saved = record(recorder)
    note_last_build(Cache(tmp_path), saved)

    assert read_last_build(Cache(tmp_path)) == saved
    assert (saved.compiles, saved.jobs, saved.steps[0].title, saved.phases[0].title) == (2, 4, "base image", "build")


def test_without_a_build_there_is_no_record(tmp_path: Path) -> None:
    assert read_last_build(Cache(tmp_path)) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seconds": 1}', "\x00"])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "last-build.json").write_text(text)

    assert read_last_build(Cache(tmp_path)) is None


def test_a_record_of_a_newer_version_is_read(tmp_path: Path) -> None:
    text = record(BuildRecorder()).model_dump_json().replace("{", '{"news": 1, ', 1)
    (tmp_path / "last-build.json").write_text(text)

    assert read_last_build(Cache(tmp_path)) is not None


def test_a_phase_that_fails_is_recorded() -> None:
    recorder = BuildRecorder()
    with pytest.raises(KeyError), recorder.phase("fetch"):
        raise KeyError

    assert [phase.title for phase in record(recorder).phases] == ["fetch"]


def test_a_step_has_the_number_of_its_thread() -> None:
    recorder = BuildRecorder()
    add(recorder, "first")
    other = threading.Thread(target=add, args=(recorder, "second"))
    other.start()
    other.join()
    add(recorder, "third")

    assert {step.title: step.worker for step in record(recorder).steps} == {"first": 0, "second": 1, "third": 0}


def test_no_step_starts_before_the_build() -> None:
    recorder = BuildRecorder()
    add(recorder, "long", seconds=60)

    assert record(recorder).steps[0].started == 0


def test_the_record_belongs_to_the_cache(tmp_path: Path) -> None:
    note_last_build(Cache(tmp_path), record(BuildRecorder()))

    assert [item.part for item in list_items(Cache(tmp_path), 0) if item.name == "last-build.json"] == [
        CacheSection.BOOKS
    ]
