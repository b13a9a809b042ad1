"""The fetch step: resolves declarations into versions.lock, and downloads the locked files into the cache."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import Lock, LockedFile
from lifecycle.planning.locked_project import LockedProject, replace_lock
from lifecycle.planning.project import LOCK, Project
from lifecycle.planning.required_inputs import LockedInputs
from lifecycle.planning.targets import Targets, base_tag
from lifecycle.sources.download import FileGoneError
from lifecycle.sources.download_locked import download_locked
from lifecycle.sources.locations import InputLocations
from lifecycle.sources.resolve_lock import LockResolver, StaleLockError
from lifecycle.tools.engine.engine import Engine
from lifecycle.tools.terminal.progress import Progress


@dataclass(frozen=True, kw_only=True)
class FetchResult:
    """The project with its current versions.lock, and the number of files and bytes downloaded."""

    project: LockedProject
    downloaded_files: int
    downloaded_bytes: int


# ----- pure


def drop_entries_of(lock: Lock, files: Sequence[LockedFile]) -> Lock:
    """Return a lock without the entries that name any of these files, so that the entries are resolved again."""
    hashes = {file.sha256 for file in files}

    def is_kept(entry_files: Sequence[LockedFile]) -> bool:
        return not any(file.sha256 in hashes for file in entry_files)

    return Lock(
        kernels={key: kernel for key, kernel in lock.kernels.items() if is_kept([*kernel.headers, *kernel.image])},
        drivers={
            key: driver
            for key, driver in lock.drivers.items()
            if is_kept(
                [*driver.userspace, *(file for module_files in driver.modules.values() for file in module_files)]
            )
        },
        bases={key: base for key, base in lock.bases.items() if is_kept(base.packages)},
    )


def describe_changes(old: Lock, new: Lock) -> list[str]:
    """Return a line for each kernel and driver whose version changed between two locks."""
    lines = []
    for key, kernel in new.kernels.items():
        old_kernel = old.kernels.get(key)
        if old_kernel and old_kernel.release != kernel.release:
            lines.append(f"kernel of {key}: {old_kernel.release} -> {kernel.release}")
    for key, driver in new.drivers.items():
        old_driver = old.drivers.get(key)
        if old_driver and old_driver.version != driver.version:
            lines.append(f"driver {key}: {old_driver.version} -> {driver.version}")
    return lines


# ----- effects


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """The writer of versions.lock and downloader of what it names: files into the cache, base images into the engine."""

    cache: Cache
    engine: Engine
    locations: InputLocations
    resolver: LockResolver
    progress: Progress

    def resolve(self, project: Project, known: Lock, *, locked: bool) -> LockedProject:
        """Resolve all declarations whose entry in `known` is stale, write versions.lock if it changed, and return the project.

        Raises StaleLockError if anything is unresolved under `locked`, and what the sources raise, such as
        PackageNotFoundError.
        """
        lock = self.resolver.resolve(project, known, locked=locked)
        path = project.root / LOCK
        text = lock.dump()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            for line in describe_changes(project.lock, lock):
                self.progress.warn(line)
            part = path.with_suffix(".lock.part")
            part.write_text(text, encoding="utf-8")
            part.replace(path)
            self.progress.say(f"wrote {path.name}")
        return replace_lock(project, lock)

    def download(
        self,
        project: LockedProject,
        required: Callable[[LockedProject], LockedInputs],
        *,
        locked: bool,
    ) -> FetchResult:
        """Download the files, and pull the base images, that `required` selects of a project.

        Locked files that their archive no longer has are resolved again, with a warning, and `required` is asked again; under
        `locked` they raise StaleLockError. Raises DownloadError, HashMismatchError, what the engine raises, and FileGoneError
        for a file that the archive still lists but does not have.
        """
        gone: list[LockedFile] = []
        while True:
            try:
                return self._download(project, required(project))
            except FileGoneError as error:
                if locked:
                    reason = f"names {error.file.origin}, which the archive no longer carries"
                    raise StaleLockError(reason) from error
                if error.file in gone:
                    raise
                gone.append(error.file)
                self.progress.warn(f"{error.brief}: resolving its replacement; review and commit versions.lock")
                project = self.resolve(project, drop_entries_of(project.lock, gone), locked=False)

    def _download(self, project: LockedProject, required: LockedInputs) -> FetchResult:
        missing = download_locked(required.files, self.locations, self.cache, self.progress)
        for name in required.bases:
            if project.lock.bases[name].digest:
                self._pull_base(project, name)
        return FetchResult(
            project=project, downloaded_files=len(missing), downloaded_bytes=sum(file.size for file in missing)
        )

    def _pull_base(self, project: LockedProject, name: str) -> None:
        """Pull a base image unless the engine has it: under our tag, by its id from a bundle, or by its pinned reference."""
        locked = project.lock.bases[name]
        reference = project.base_of(name).pinned(str(locked.digest))
        tag = base_tag(Targets(project).base(name))
        if not any(self.engine.image(known) for known in (tag, locked.id or reference)):
            self.engine.pull(reference, project.base_architecture(name))
