"""The store of results that machines share, for those who build: opened, taken from, and given to."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass

from lifecycle.cache.cache import Cache
from lifecycle.cache.remote import RemoteCache
from lifecycle.config.store import RemoteCacheConfig
from lifecycle.planning.targets import Target
from lifecycle.tools.progress import Progress
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.login import CredentialHelperError, login_for

_AT_ONCE = 4
# Seconds that a store may take to answer: a build goes on without one that does not.
_PATIENCE = 10


@dataclass(frozen=True, kw_only=True)
class RemoteSession:
    """Shared results, several of them at a time, and the display."""

    results: RemoteCache
    progress: Progress

    def take(self, targets: Sequence[Target]) -> None:
        """Take what another machine has made; what cannot be had is not found there any more."""
        self._at_once(f"take {len(targets)} results from {self.results.place}", self.results.take, targets)

    def give(self, targets: Iterable[Target]) -> None:
        """Give what is here and not there yet."""
        missing = self.results.missing(targets)
        if missing:
            self._at_once(f"give {len(missing)} results to {self.results.place}", self.results.give, missing)
        self.results.save()

    def _at_once(self, title: str, work: Callable[[Target], object], targets: Sequence[Target]) -> None:
        with self.progress.step(title), ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(work, targets))


@contextmanager
def open_remote_session(
    section: RemoteCacheConfig, *, images: str, cache: Cache, environ: Mapping[str, str], progress: Progress
) -> Iterator[RemoteSession | None]:
    """The results in a store; None, with a warning, where nobody says who to be there. `images` is the registry of the images."""
    # The password in the environment is for that one: no other is told.
    ours = environ if section.registry == images else {}
    try:
        login = login_for(section.registry, ours)
    except CredentialHelperError as error:
        progress.warn(f"going on without the store {section.registry}/{section.repository}: {error}")
        yield None
        return
    with closing(Registry(section.registry, login, patience=_PATIENCE)) as registry:
        results = RemoteCache(section=section, registry=registry, cache=cache, warn=progress.warn)
        yield RemoteSession(results=results, progress=progress)
