"""fetch: from declarations to verified files in the cache. Besides push and gitops the one step that uses the network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import Lock, LockedFile
from lifecycle.planning.locked_project import LockedProject, replace_lock
from lifecycle.planning.project import LOCK, Project
from lifecycle.planning.required_inputs import LockedInputs
from lifecycle.sources.download import GoneError, Request, download_all
from lifecycle.sources.locations import InputLocations
from lifecycle.sources.resolve_lock import LockOutdatedError, Resolver
from lifecycle.tools.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What fetch leaves: the project with the lock that answers it, and how much was downloaded."""

    project: LockedProject
    downloaded_files: int
    downloaded_bytes: int


# ----- pure


def without_gone(lock: Lock, gone: Sequence[LockedFile]) -> Lock:
    """The lock less every entry that names a file that is gone, so that these are resolved anew."""
    hashes = {file.sha256 for file in gone}

    def whole(files: Sequence[LockedFile]) -> bool:
        return not any(file.sha256 in hashes for file in files)

    return Lock(
        kernels={key: kernel for key, kernel in lock.kernels.items() if whole([*kernel.headers, *kernel.image])},
        drivers={
            key: driver
            for key, driver in lock.drivers.items()
            if whole([*driver.userspace, *(file for files in driver.modules.values() for file in files)])
        },
        bases={key: base for key, base in lock.bases.items() if whole(base.packages)},
    )


def changes(old: Lock, new: Lock) -> list[str]:
    """What a person should know of a changed lock: a line for each kernel and driver that moved."""
    lines = []
    for key, kernel in new.kernels.items():
        before = old.kernels.get(key)
        if before and before.release != kernel.release:
            lines.append(f"kernel of {key}: {before.release} -> {kernel.release}")
    for key, driver in new.drivers.items():
        was = old.drivers.get(key)
        if was and was.version != driver.version:
            lines.append(f"driver {key}: {was.version} -> {driver.version}")
    return lines


# ----- effects


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """The hands of this step: the cache, the places, a resolver, the display; `have` pulls a project's base if need be."""

    cache: Cache
    have: Callable[[LockedProject, str], None]
    locations: InputLocations
    resolver: Resolver
    progress: Progress

    def resolve(self, project: Project, known: Lock, *, locked: bool) -> LockedProject:
        """The project with a lock that answers all its declarations, written to versions.lock where it differs.

        What `known` answers stays as it is. Raises LockOutdatedError under `locked` if anything has to be asked, and
        PackageLackingError for what the archives do not carry.
        """
        lock = self.resolver.resolve(project, known, locked=locked)
        path = project.root / LOCK
        text = lock.dump()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            for line in changes(project.lock, lock):
                self.progress.warn(line)
            part = path.with_suffix(".lock.part")
            part.write_text(text, encoding="utf-8")
            part.replace(path)
            self.progress.say(f"wrote {path.name}")
        return replace_lock(project, lock)

    def download(
        self,
        project: LockedProject,
        needed: Callable[[LockedProject], LockedInputs],
        *,
        locked: bool,
    ) -> Fetched:
        """Have every file, and every base that is pulled, that is needed of a resolved project, or of what becomes of it.

        Locked files that their archive no longer carries are resolved anew, with a loud warning; under `locked` that is
        LockOutdatedError. Raises DownloadError or WrongHashError for what cannot be had, GoneError for what the archive
        still names though it has not got it.
        """
        gone: list[LockedFile] = []
        while True:
            try:
                return self._download(project, needed(project))
            except GoneError as error:
                if locked:
                    why = f"names {error.file.origin}, which the archive no longer carries"
                    raise LockOutdatedError(why) from error
                if error.file in gone:
                    raise
                gone.append(error.file)
                self.progress.warn(f"{error.brief}: looking up what replaces it; review and commit versions.lock")
                project = self.resolve(project, without_gone(project.lock, gone), locked=False)

    def _download(self, project: LockedProject, needed: LockedInputs) -> Fetched:
        missing = [file for file in needed.files if not self.cache.has_blob(file.sha256)]
        total = sum(file.size for file in missing)
        try:
            if missing:
                requests = [Request(file=file, address=self.locations.address(file.origin)) for file in missing]
                with self.progress.bytes(f"downloading {len(missing)} files", total) as advance:
                    download_all(requests, self.cache, advance=advance)
        finally:
            self.cache.save_index()
        for name in needed.bases:
            if project.lock.bases[name].digest:
                self.have(project, name)
        return Fetched(project=project, downloaded_files=len(missing), downloaded_bytes=total)
