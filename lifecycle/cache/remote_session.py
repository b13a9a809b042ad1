"""The remote cache during a build: open it, download from it, and upload to it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass

from lifecycle.cache.cache import Cache
from lifecycle.cache.remote import RemoteCache
from lifecycle.config.store import RemoteCacheConfig
from lifecycle.planning.targets import Target
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.credentials import docker_login, login_for
from lifecycle.tools.terminal.progress import Progress

_AT_ONCE = 4
# Seconds that a remote cache may take to answer: a build continues without a remote cache that does not.
_PATIENCE = 10


@dataclass(frozen=True, kw_only=True)
class RemoteSession:
    """An open remote cache with the display. Several results are transferred at a time."""

    results: RemoteCache
    progress: Progress

    def download(self, targets: Sequence[Target]) -> None:
        """Download results. One that fails is not found in the remote cache again."""
        self._at_once(f"download {len(targets)} results from {self.results.place}", self.results.download, targets)

    def upload(self, targets: Iterable[Target]) -> None:
        """Upload the results that the remote cache lacks."""
        missing = self.results.missing(targets)
        if missing:
            self._at_once(f"upload {len(missing)} results to {self.results.place}", self.results.upload, missing)
        self.results.save()

    def _at_once(self, title: str, work: Callable[[Target], object], targets: Sequence[Target]) -> None:
        with self.progress.step(title), ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(work, targets))


@contextmanager
def open_remote_session(
    section: RemoteCacheConfig, *, images: str, cache: Cache, environ: Mapping[str, str], progress: Progress
) -> Iterator[RemoteSession]:
    """Open the remote cache. `images` is the registry of the images."""
    # The password in the environment is that of the images' registry and is sent to no other.
    find_login = login_for if section.registry == images else docker_login
    login = find_login(section.registry, environ)
    with closing(Registry(section.registry, login, timeout=_PATIENCE, patience=_PATIENCE)) as registry:
        results = RemoteCache(section=section, registry=registry, cache=cache, warn=progress.warn)
        yield RemoteSession(results=results, progress=progress)
