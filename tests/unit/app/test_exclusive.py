import fcntl
import os
import threading
from pathlib import Path

import pytest

from lifecycle.app.exclusive import exclusive
from lifecycle.app.session import Session


def hold(path: Path) -> int:
    """Lock a file or a folder as another task does; return the handle that holds the lock."""
    handle = os.open(path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Return a checkout and a cache that was used before."""
    checkout, cache = tmp_path / "checkout", tmp_path / "cache"
    checkout.mkdir()
    cache.mkdir()
    (cache / "lock").touch()
    return checkout, cache


def test_a_free_checkout_and_cache_are_used_at_once(tmp_path: Path) -> None:
    said: list[str] = []
    with exclusive(tmp_path, tmp_path / "new/cache", said.append):
        assert (tmp_path / "new/cache/lock").exists()

    assert said == []


@pytest.mark.parametrize("used", [0, 1])
def test_a_folder_in_use_is_named_and_waited_for(folders: tuple[Path, Path], used: int) -> None:
    other = hold(folders[used] if used == 0 else folders[used] / "lock")
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        os.close(other)

    with exclusive(*folders, say):
        assert said == [f"another task uses {folders[used]}: waiting for it to end"]


def test_two_tasks_of_one_checkout_with_two_caches_take_turns(tmp_path: Path) -> None:
    waiting, events = threading.Event(), []

    def second() -> None:
        with exclusive(tmp_path, tmp_path / "two", lambda _: waiting.set()):
            events.append("second begins")

    task = threading.Thread(target=second)
    with exclusive(tmp_path, tmp_path / "one", print):
        task.start()
        assert waiting.wait(60)
        events.append("first ends")
    task.join()

    assert events == ["first ends", "second begins"]


def test_a_locked_checkout_stays_as_git_knows_it(tmp_path: Path) -> None:
    (tmp_path / "checkout").mkdir()
    with exclusive(tmp_path / "checkout", tmp_path / "cache", print):
        assert list((tmp_path / "checkout").iterdir()) == []


def test_a_session_reads_the_files_again_once_it_has_the_locks(checkout: Path) -> None:
    session = Session(checkout, cache_dir=str(checkout.parent / "cache"), environ={})
    assert session.project.component.version == "1.0.0"

    file = checkout / "component.yaml"
    with session.exclusive():
        file.write_text(file.read_text().replace("version: 1.0.0", "version: 7.0.0"))
        assert session.project.component.version == "7.0.0"


def test_a_session_makes_its_clients_again_for_the_files_it_reads_again(checkout: Path) -> None:
    session = Session(checkout, cache_dir=str(checkout.parent / "cache"), environ={})
    before = session.sources
    with session.exclusive():
        assert session.sources is not before
        assert session.sources.project is session.project


def test_a_dry_run_waits_for_nobody(checkout: Path) -> None:
    other = hold(checkout)
    session = Session(checkout, cache_dir=str(checkout.parent / "cache"), environ={})
    with session.exclusive(dry_run=True):
        assert not (checkout.parent / "cache").exists()
    os.close(other)
