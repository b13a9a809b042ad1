"""Downloads of locked files into the cache, each by the client of its source."""

from collections.abc import Sequence

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.sources.apt.download import download_packages
from lifecycle.sources.apt.machine import repositories_of
from lifecycle.sources.download import DownloadRequest, download_all
from lifecycle.sources.locations import InputLocations
from lifecycle.tools.terminal.progress import Progress


def download_locked(
    files: Sequence[LockedFile], locations: InputLocations, cache: Cache, progress: Progress
) -> Sequence[LockedFile]:
    """Download the files that the cache lacks, and return them: those of APT archives by apt, the others by our own client.

    Raises FileGoneError, HashMismatchError, DownloadError, UndeclaredOriginError, ArchiveNotConfiguredError.
    """
    missing = [file for file in files if not cache.has_blob(file.sha256)]
    packages = [file for file in missing if repositories_of(file.origin, locations.repositories)]
    others = [file for file in missing if file not in packages]
    try:
        if missing:
            requests = [DownloadRequest(file=file, address=locations.address(file.origin)) for file in others]
            total = sum(file.size for file in missing)
            with progress.bytes(f"downloading {len(missing)} files", total) as advance:
                if packages:
                    download_packages(packages, locations.repositories, locations.machine, cache, advance=advance)
                download_all(requests, cache, advance=advance)
    finally:
        cache.save_index()
    return missing
