import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import Lock, LockedBase, LockedKernel
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.required_inputs import LockedInputs, needed_by
from lifecycle.planning.targets import Targets, base_tag
from lifecycle.sources.download import FileGoneError
from lifecycle.sources.fetch import Fetcher, FetchResult, describe_changes, drop_entries_of
from lifecycle.sources.resolve_lock import StaleLockError
from lifecycle.tools.terminal.console import OutputConsole
from lifecycle.tools.terminal.progress import Progress
from tests.support.builders.projects import driver, images, kernel, local_image, lock, project
from tests.support.fakes.engine import FakeEngine


def test_an_entry_with_a_missing_file_is_dropped() -> None:
    full = lock()
    gone = [full.kernels["old-1/amd64"].headers[0], full.drivers["550.163.01/amd64"].userspace[0]]
    left = drop_entries_of(full, [*gone, full.bases["RUNTIME"].packages[0]])

    assert (list(left.kernels), list(left.drivers), list(left.bases)) == (
        ["new-2/amd64"],
        ["535/amd64"],
        ["BUILDER_OLD_1", "BUILDER_NEW_2"],
    )


def test_each_changed_version_of_a_lock_is_a_line() -> None:
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
class FakeResolver:
    """A resolver that adds newer kernels to a lock, and records the keys of the kernels in the lock that it is given."""

    newer: Mapping[str, LockedKernel]
    known_kernels: list[list[str]] = field(default_factory=list)

    def resolve(self, _: LockedProject, known: Lock, *, locked: bool) -> Lock:
        if locked:
            raise StaleLockError("is stale")
        self.known_kernels.append(sorted(known.kernels))
        return known.model_copy(update={"kernels": {**self.newer, **known.kernels}})


NEWER_KERNEL = {"old-1/amd64": kernel("6.1.0-57-cloud-amd64", "6.1.195")}
NEWER_KERNELS = {**NEWER_KERNEL, "new-2/amd64": kernel("6.12.120-amd64", "6.12.120")}


class OneKernelMissing(Fetcher):
    """A fetcher that downloads from an archive without the kernels of `missing`."""

    missing: ClassVar[Sequence[str]] = ["old-1/amd64"]

    def _download(self, project: LockedProject, required: LockedInputs) -> FetchResult:
        for key in self.missing:
            if project.lock.kernels[key] == lock().kernels[key]:
                raise FileGoneError(project.lock.kernels[key].headers[0])
        return FetchResult(project=project, downloaded_files=len(required.files), downloaded_bytes=0)


class TwoKernelsMissing(OneKernelMissing):
    missing = ["old-1/amd64", "new-2/amd64"]


def make_fetcher(
    kind: type[Fetcher], tmp_path: Path, resolver: object, engine: FakeEngine | None = None
) -> tuple[Fetcher, io.StringIO]:
    """Return a fetcher without a network, and its log."""
    log = io.StringIO()
    fetcher = kind(
        cache=Cache(tmp_path),
        engine=engine or FakeEngine(),
        locations=None,  # type: ignore[arg-type]
        resolver=resolver,  # type: ignore[arg-type]
        progress=Progress(OutputConsole(file=log, width=200)),
    )
    return fetcher, log


def all_inputs(of: LockedProject) -> LockedInputs:
    return needed_by(of, of.matrix.combinations)


def test_a_missing_locked_file_is_resolved_again_with_a_warning(tmp_path: Path) -> None:
    resolver = FakeResolver(NEWER_KERNEL)
    fetcher, log = make_fetcher(OneKernelMissing, tmp_path, resolver)
    done = fetcher.download(project(root=tmp_path), all_inputs, locked=False)

    assert done.project.lock.kernels["old-1/amd64"].release == "6.1.0-57-cloud-amd64"
    assert resolver.known_kernels == [["new-2/amd64"]]
    assert "WARNING: the archive no longer carries linux-headers-6.1.0-56-cloud-amd64" in log.getvalue()
    assert "WARNING: kernel of old-1/amd64: 6.1.0-56-cloud-amd64 -> 6.1.0-57-cloud-amd64" in log.getvalue()
    assert Lock.load(tmp_path / "versions.lock") == done.project.lock


def test_every_missing_locked_file_is_resolved_again(tmp_path: Path) -> None:
    resolver = FakeResolver(NEWER_KERNELS)
    fetcher, _ = make_fetcher(TwoKernelsMissing, tmp_path, resolver)
    done = fetcher.download(project(root=tmp_path), all_inputs, locked=False)

    assert {k: v.release for k, v in done.project.lock.kernels.items()} == {
        "old-1/amd64": "6.1.0-57-cloud-amd64",
        "new-2/amd64": "6.12.120-amd64",
    }
    assert resolver.known_kernels == [["new-2/amd64"], ["old-1/amd64"]]


def test_a_file_that_the_archive_lists_but_lacks_is_an_error(tmp_path: Path) -> None:
    resolver = FakeResolver(lock().kernels)
    fetcher, _ = make_fetcher(TwoKernelsMissing, tmp_path, resolver)
    with pytest.raises(FileGoneError, match="no longer carries linux-headers-6"):
        fetcher.download(project(root=tmp_path), all_inputs, locked=False)
    assert len(resolver.known_kernels) == 1


def test_the_error_for_a_missing_file_under_locked_names_the_remedy(tmp_path: Path) -> None:
    fetcher, _ = make_fetcher(OneKernelMissing, tmp_path, FakeResolver(NEWER_KERNEL))
    with pytest.raises(StaleLockError, match="which the archive no longer carries: run `invoke fetch` and commit"):
        fetcher.download(project(root=tmp_path), all_inputs, locked=True)
    assert not (tmp_path / "versions.lock").exists()


def test_an_unchanged_lock_is_not_written(tmp_path: Path) -> None:
    @dataclass
    class UnchangedResolver:
        def resolve(self, _: LockedProject, known: Lock, *, locked: bool) -> Lock:
            return known

    (tmp_path / "versions.lock").write_text(lock().dump())
    before = (tmp_path / "versions.lock").stat().st_mtime_ns
    fetcher, log = make_fetcher(Fetcher, tmp_path, UnchangedResolver())
    fetcher.resolve(project(root=tmp_path), lock(), locked=True)

    assert (tmp_path / "versions.lock").stat().st_mtime_ns == before
    assert log.getvalue() == ""


def project_with_pulled_runtime(root: Path) -> LockedProject:
    images_file, locked = images(), lock()
    runtime = replace(images_file.bases["RUNTIME"], reference="registry.example/runtime:1")
    pulled = LockedBase(declaration="d", digest=f"sha256:{'1' * 64}", id=f"sha256:{'2' * 64}")
    return project(
        root=root,
        images=replace(images_file, bases={**images_file.bases, "RUNTIME": runtime}),
        lock=locked.model_copy(update={"bases": {**locked.bases, "RUNTIME": pulled}}),
    )


def runtime_base(_: LockedProject) -> LockedInputs:
    return LockedInputs(files=(), bases=("RUNTIME",))


def test_a_base_image_that_the_engine_lacks_is_pulled_by_its_digest(tmp_path: Path) -> None:
    fetcher, _ = make_fetcher(Fetcher, tmp_path, FakeResolver({}))
    with pytest.raises(AssertionError, match=f"runtime@sha256:{'1' * 64} for amd64 was to be pulled"):
        fetcher.download(project_with_pulled_runtime(tmp_path), runtime_base, locked=True)


def test_a_base_image_in_the_engine_is_not_pulled_again(tmp_path: Path) -> None:
    declared = project_with_pulled_runtime(tmp_path)
    for known in (base_tag(Targets(declared).base("RUNTIME")), f"sha256:{'2' * 64}"):
        fetcher, _ = make_fetcher(Fetcher, tmp_path, FakeResolver({}), FakeEngine(local_image(known)))

        assert fetcher.download(declared, runtime_base, locked=True).downloaded_files == 0
