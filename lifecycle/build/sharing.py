"""The store of results that machines share, for those who build: opened, and taken from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

from lifecycle.model.component import Component
from lifecycle.model.sharing import store_in_use
from lifecycle.model.targets import Target
from lifecycle.steps.share import SharedResults
from lifecycle.tools.login import CredentialHelperError, login_for
from lifecycle.tools.progress import Progress
from lifecycle.tools.registry import Registry
from lifecycle.tools.store import Store

_AT_ONCE = 4
# Seconds that a store may take to answer: a build goes on without one that does not.
_PATIENCE = 10


@contextmanager
def open_results(
    component: Component, store: Store, environ: Mapping[str, str], warn: Callable[[str], None]
) -> Iterator[SharedResults | None]:
    """The shared results as component.yaml and the environment say; None where nothing is shared. Raises StoreVariableError."""
    section = store_in_use(component.store, environ)
    if section is None:
        yield None
        return
    # The password in the environment is for the registry of the images: no other is told.
    ours = environ if section.registry == component.image.registry else {}
    try:
        login = login_for(section.registry, ours)
    except CredentialHelperError as error:
        warn(f"going on without the store {section.registry}/{section.repository}: {error}")
        yield None
        return
    with closing(Registry(section.registry, login, patience=_PATIENCE)) as registry:
        yield SharedResults(section=section, registry=registry, store=store, warn=warn)


def take_all(results: SharedResults, targets: Sequence[Target], progress: Progress) -> None:
    """Take what another machine has made, several at a time; what cannot be had is not found there any more."""
    with progress.step(f"take {len(targets)} results from {results.place}"), ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(results.take, targets):
            pass


def give_rest(results: SharedResults, targets: Iterable[Target], progress: Progress) -> None:
    """Give what is here and not there yet, several at a time."""
    missing = results.missing(targets)
    if missing:
        with progress.step(f"give {len(missing)} results to {results.place}"), ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(results.give, missing):
                pass
    results.save()
