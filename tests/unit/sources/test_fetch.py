import io
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import Lock
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.required_inputs import LockedInputs, needed_by
from lifecycle.sources.download import FileGoneError
from lifecycle.sources.fetch import Fetcher, FetchResult, describe_changes, drop_entries_of
from lifecycle.sources.resolve_lock import StaleLockError
from lifecycle.tools.progress import Progress
from tests.support.builders.projects import driver, kernel, lock, project
from tests.support.fakes.engine import FakeEngine


def test_an_entry_that_names_a_file_that_is_gone_is_dropped_whole() -> None:
    full = lock()
    gone = [full.kernels["old-1/amd64"].headers[0], full.drivers["550.163.01/amd64"].userspace[0]]
    left = drop_entries_of(full, [*gone, full.bases["RUNTIME"].packages[0]])

    assert (list(left.kernels), list(left.drivers), list(left.bases)) == (
        ["new-2/amd64"],
        ["535/amd64"],
        ["BUILDER_OLD_1", "BUILDER_NEW_2"],
    )


def test_what_moved_in_a_lock_is_a_line_each() -> None:
    newer = lock(
        kernels={
            "old-1/amd64": kernel("6.1.0-57-cloud-amd64", "6.1.195"),
            "new-2/amd64": kernel("6.12.117-amd64", "6.12.117"),
        },
        drivers={"535/amd64": driver("535.320.01"), "550.163.01/amd64": driver("550.163.01")},
    )

    assert describe_changes(lock(), newer) == [
        "kernel of old-1/amd64: 6.1.0-56-cloud-amd64 -> 6.1.0-57-cloud-amd64",
        "driver 535/amd64: 535.309.01 -> 535.320.01",
    ]
    assert describe_changes(Lock(), newer) == []


@dataclass
class Archive:
    """Stands for the network: the first download finds a file gone, the resolver then knows a newer kernel."""

    asked: list[list[str]] = field(default_factory=list)

    def resolve(self, _: LockedProject, known: Lock, *, locked: bool) -> Lock:
        if locked:
            raise StaleLockError("does not answer")
        self.asked.append(sorted(known.kernels))
        newest = kernel("6.1.0-57-cloud-amd64", "6.1.195")
        return known.model_copy(update={"kernels": {"old-1/amd64": newest, **known.kernels}})


def everything(of: LockedProject) -> LockedInputs:
    return needed_by(of, of.matrix.combinations)


class FetcherUnderTest(Fetcher):
    def _download(self, project: LockedProject, needed: LockedInputs) -> FetchResult:
        first = project.lock.kernels["old-1/amd64"]
        if first.release == "6.1.0-56-cloud-amd64":
            raise FileGoneError(first.headers[0])
        return FetchResult(project=project, downloaded_files=len(needed.files), downloaded_bytes=0)


def fetcher(tmp_path: Path, archive: Archive) -> tuple[FetcherUnderTest, io.StringIO]:
    said = io.StringIO()
    made = FetcherUnderTest(
        cache=Cache(tmp_path),
        engine=FakeEngine(),
        locations=None,  # type: ignore[arg-type]
        resolver=archive,  # type: ignore[arg-type]
        progress=Progress(Console(file=said, width=200)),
    )
    return made, said


def test_a_locked_file_that_is_gone_is_looked_up_anew_with_a_loud_warning(tmp_path: Path) -> None:
    archive = Archive()
    hands, said = fetcher(tmp_path, archive)
    done = hands.download(project(root=tmp_path), everything, locked=False)

    assert done.project.lock.kernels["old-1/amd64"].release == "6.1.0-57-cloud-amd64"
    assert archive.asked == [["new-2/amd64"]]
    assert "WARNING: the archive no longer carries linux-headers-6.1.0-56-cloud-amd64" in said.getvalue()
    assert "WARNING: kernel of old-1/amd64: 6.1.0-56-cloud-amd64 -> 6.1.0-57-cloud-amd64" in said.getvalue()
    assert Lock.load(tmp_path / "versions.lock") == done.project.lock


class SeveralGone(Fetcher):
    """The kernels of both releases have been replaced in the archive."""

    def _download(self, project: LockedProject, _: LockedInputs) -> FetchResult:
        for locked in project.lock.kernels.values():
            if locked in lock().kernels.values():
                raise FileGoneError(locked.headers[0])
        return FetchResult(project=project, downloaded_files=0, downloaded_bytes=0)


@dataclass
class TwoNewer(Archive):
    def resolve(self, _: LockedProject, known: Lock, *, locked: bool) -> Lock:
        self.asked.append(sorted(known.kernels))
        newer = {
            "old-1/amd64": kernel("6.1.0-57-cloud-amd64", "6.1.195"),
            "new-2/amd64": kernel("6.12.120-amd64", "6.12.120"),
        }
        return known.model_copy(update={"kernels": {**newer, **known.kernels}})


def fetcher_of(kind: type[Fetcher], tmp_path: Path, archive: Archive) -> Fetcher:
    hands, _ = fetcher(tmp_path, archive)
    return kind(**{name: getattr(hands, name) for name in ("cache", "engine", "locations", "resolver", "progress")})


def test_however_many_files_are_gone_each_is_looked_up_anew(tmp_path: Path) -> None:
    archive = TwoNewer()
    hands = fetcher_of(SeveralGone, tmp_path, archive)
    done = hands.download(project(root=tmp_path), everything, locked=False)

    assert {k: v.release for k, v in done.project.lock.kernels.items()} == {
        "old-1/amd64": "6.1.0-57-cloud-amd64",
        "new-2/amd64": "6.12.120-amd64",
    }
    assert archive.asked == [["new-2/amd64"], ["old-1/amd64"]]


def test_a_file_that_the_archive_lists_but_lacks_is_an_error(tmp_path: Path) -> None:
    @dataclass
    class Unchanged(Archive):
        def resolve(self, _: LockedProject, known: Lock, *, locked: bool) -> Lock:
            self.asked.append(sorted(known.kernels))
            return lock()

    archive = Unchanged()
    hands = fetcher_of(SeveralGone, tmp_path, archive)
    with pytest.raises(FileGoneError, match="no longer carries linux-headers-6"):
        hands.download(project(root=tmp_path), everything, locked=False)
    assert len(archive.asked) == 1


def test_the_error_for_a_missing_file_under_locked_names_the_remedy(tmp_path: Path) -> None:
    hands, _ = fetcher(tmp_path, Archive())
    with pytest.raises(StaleLockError, match="which the archive no longer carries: run `invoke fetch` and commit"):
        hands.download(project(root=tmp_path), everything, locked=True)
    assert not (tmp_path / "versions.lock").exists()


def test_a_lock_that_is_unchanged_is_not_written(tmp_path: Path) -> None:
    @dataclass
    class Nothing(Archive):
        def resolve(self, _: LockedProject, known: Lock, *, locked: bool) -> Lock:
            return known

    (tmp_path / "versions.lock").write_text(lock().dump())
    before = (tmp_path / "versions.lock").stat().st_mtime_ns
    hands, said = fetcher(tmp_path, Nothing())
    hands.resolve(project(root=tmp_path), lock(), locked=True)

    assert (tmp_path / "versions.lock").stat().st_mtime_ns == before
    assert said.getvalue() == ""
