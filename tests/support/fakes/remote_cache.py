"""A remote cache in memory, with results of other machines."""

import threading
from collections.abc import Iterable, Sequence

from lifecycle.cache.cache import Cache
from lifecycle.planning.targets import SHARED_KINDS, Target

MODULES = {"nvidia.ko": {"vermagic": "6.1", "version": "1", "size": 1}}


class FakeRemoteCache:
    """A remote cache that lists the results of `there` and of `damaged`; downloads of the `damaged` ones fail.

    The results of `meanwhile` are not listed, but can be downloaded. `offered` is set at the first upload.
    """

    place = "elsewhere/store"

    def __init__(
        self,
        cache: Cache,
        there: Iterable[Target] = (),
        *,
        damaged: Iterable[Target] = (),
        meanwhile: Iterable[Target] = (),
    ) -> None:
        self._cache = cache
        self._known = {target.digest for target in (*there, *damaged)}
        self._whole = {target.digest for target in (*there, *meanwhile)}
        self.taken: list[Target] = []
        self.given: list[Target] = []
        self.offered = threading.Event()

    def find(self, targets: Sequence[Target]) -> set[str]:
        return {target.digest for target in targets if target.kind in SHARED_KINDS} & self._known

    def download(self, target: Target) -> bool:
        if target.digest not in self._whole:
            self._known.discard(target.digest)
            return False
        with self._cache.making(target.kind, target.digest, {"modules": MODULES}) as folder:
            (folder / "nvidia.ko").write_bytes(b"taken")
        self.taken.append(target)
        return True

    def upload(self, target: Target) -> None:
        self.offered.set()
        if self._cache.result(target.kind, target.digest):
            self.given.append(target)

    def missing(self, targets: Iterable[Target]) -> list[Target]:
        here = [target for target in targets if self._cache.result(target.kind, target.digest)]
        return [target for target in here if target.kind in SHARED_KINDS and target not in (*self.taken, *self.given)]

    def save(self) -> None:
        """Do nothing: no state is kept for the next session."""
