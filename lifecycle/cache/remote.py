"""The remote cache: results that machines share through a container registry.

A result is an OCI artefact (OCI image specification 1.1, "Guidelines for Artifact Usage"): its result.json as the configuration,
its files as one layer, under the tag `<kind>-<digest of its inputs>`. A failure of the remote cache never fails a build.
"""

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import Result, described, files_of, missing_fields
from lifecycle.config.store import Mode, RemoteCacheConfig
from lifecycle.errors import InstallerError, SystemRefusedError
from lifecycle.planning.targets import SHARED_KINDS, Target
from lifecycle.tools.archive import UnreadableArchiveError, UnsafeArchiveError, pack, unpack
from lifecycle.tools.digest import digest_of, sha256_of
from lifecycle.tools.registry.blobs import WrongBlobError
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.manifest import OCI_MANIFEST, Descriptor, Manifest
from lifecycle.tools.registry.responses import read_json

CONFIG = "application/vnd.nvidia-installer.result.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"
_AT_ONCE = 8
_T = TypeVar("_T")


class DamagedResultError(InstallerError):
    """A downloaded result that is damaged."""

    def __init__(self, place: str, target: Target, why: str) -> None:
        super().__init__(f"{place}: {target.kind} {target.name} is damaged there and is not used: {why}")


# ----- pure


def tag_of(target: Target) -> str:
    """Return the tag of a result, which contains the digest of its inputs."""
    return f"{target.kind}-{target.digest}"


def oci_manifest(config: Descriptor, layer: Descriptor, title: str) -> Manifest:
    """Return the OCI manifest of a result, which is the same on every machine; the title is for people."""
    content = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.to_dict(),
        "layers": [layer.to_dict()],
        "annotations": {"org.opencontainers.image.title": title},
    }
    return Manifest(content=json.dumps(content, sort_keys=True).encode(), media_type=OCI_MANIFEST)


def blobs_of(manifest: Manifest) -> tuple[str, str] | None:
    """Return the configuration and the layer of a manifest; None if it is not a result's."""
    found = read_json(manifest.content)
    match found:
        case {"config": {"mediaType": media, "digest": str(config)}, "layers": [{"digest": str(layer)}]} if (
            media == CONFIG
        ):
            return config, layer
    return None


def explain_mismatch(about: Mapping[str, Any], target: Target) -> str:
    """Return why a result.json does not belong to a target; "" if it does."""
    if digest_of([str(target.kind), about.get("inputs")]) != target.digest:
        return "it was made of other inputs"
    missing = missing_fields(target.kind, about)
    return f"it lacks its {' and '.join(missing)}" if missing else ""


# ----- effects


@dataclass(kw_only=True)
class RemoteCache:
    """The results in one remote cache; `warn` receives each problem once."""

    section: RemoteCacheConfig
    registry: Registry
    cache: Cache
    warn: Callable[[str], None]
    _known: dict[str, bool] = field(default_factory=dict)
    _uploaded: set[str] = field(default_factory=set)
    _unreachable: threading.Event = field(default_factory=threading.Event)
    _unwritable: threading.Event = field(default_factory=threading.Event)
    _warned: set[str] = field(default_factory=set)
    _warning_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def place(self) -> str:
        """`registry/repository`."""
        return f"{self.section.registry}/{self.section.repository}"

    def __post_init__(self) -> None:
        self._uploaded |= self.cache.uploaded(self.place)

    def find(self, targets: Sequence[Target]) -> set[str]:
        """Return the digests of the targets that the remote cache has. Each is looked up once, several at a time."""
        unknown = [t for t in targets if t.kind in SHARED_KINDS and t.digest not in self._known]
        if unknown:
            with ThreadPoolExecutor(min(_AT_ONCE, len(unknown))) as pool:
                self._known.update(zip((t.digest for t in unknown), pool.map(self._exists, unknown), strict=True))
            self._uploaded |= {target.digest for target in unknown if self._known[target.digest]}
        return {target.digest for target in targets if self._known.get(target.digest)}

    def download(self, target: Target) -> bool:
        """Download a result, and return whether it exists here now. A damaged one is not tried again."""
        self._known[target.digest] = self._try(self._unreachable, lambda: self._download(target), otherwise=False)
        return self._known[target.digest]

    def upload(self, target: Target) -> None:
        """Upload a result that this machine has made, if the mode allows it."""
        result = self.cache.result(target.kind, target.digest)
        if self._uploads and result is not None:
            self._try(self._unwritable, lambda: self._upload(target, result), otherwise=None)

    def missing(self, targets: Iterable[Target]) -> list[Target]:
        """Return the results that exist here but not in the remote cache: they were made without it.

        Uploaded results are recorded in the cache. Without a new result, no request is sent.
        """
        if not self._uploads:
            return []
        new = [t for t in targets if t.kind in SHARED_KINDS and t.digest not in self._uploaded]
        here = [target for target in new if self.cache.result(target.kind, target.digest)]
        there = self.find(here)
        return [target for target in here if target.digest not in there]

    def save(self) -> None:
        """Save which results the remote cache is known to have."""
        if self._uploaded != self.cache.uploaded(self.place):
            self.cache.note_uploaded(self.place, self._uploaded)

    @property
    def _uploads(self) -> bool:
        return self.section.mode is Mode.READ_WRITE and not self._unreachable.is_set()

    def _exists(self, target: Target) -> bool:
        def request() -> bool:
            return self.registry.has(self.section.repository, tag_of(target))

        return self._try(self._unreachable, request, otherwise=False)

    def _try(self, given_up: threading.Event, work: Callable[[], _T], *, otherwise: _T) -> _T:
        """Run an operation unless the remote cache was given up. Warn of a failure; all but a damaged result give it up."""
        if given_up.is_set():
            return otherwise
        try:
            return work()
        except DamagedResultError as error:
            self.warn(str(error))
        except InstallerError as error:
            self._give_up(given_up, error)
        except OSError as error:
            # A full disk, where results are packed and unpacked.
            self._give_up(given_up, SystemRefusedError(error))
        return otherwise

    def _give_up(self, given_up: threading.Event, error: InstallerError) -> None:
        """Give up the remote cache, with one warning even if several threads fail."""
        with self._warning_lock:
            known = given_up.is_set() or error.brief in self._warned
            given_up.set()
            self._warned.add(error.brief)
        if not known:
            self.warn(f"continuing without the remote cache {self.place}: {error}")

    def _download(self, target: Target) -> bool:
        manifest = self.registry.manifest(self.section.repository, tag_of(target))
        if manifest is None:
            return False
        try:
            self._unpack(target, manifest)
        except (WrongBlobError, UnsafeArchiveError, UnreadableArchiveError) as error:
            raise DamagedResultError(self.place, target, error.brief) from error
        self.cache.remember(target.kind, target.name, target.inputs)
        self._uploaded.add(target.digest)
        return True

    def _unpack(self, target: Target, manifest: Manifest) -> None:
        blobs, repository = blobs_of(manifest), self.section.repository
        if blobs is None:
            raise DamagedResultError(self.place, target, "its manifest is of something else")
        with self.cache.scratch("download") as scratch:
            config, layer = scratch / "config", scratch / "layer"
            self.registry.blobs.download(repository, blobs[0], config)
            about = read_json(config.read_bytes())
            why = explain_mismatch(about, target)
            if why:
                raise DamagedResultError(self.place, target, why)
            self.registry.blobs.download(repository, blobs[1], layer)
            with self.cache.making(target.kind, target.digest, about) as folder:
                unpack(layer, folder)
                if files_of(folder) != about["files"]:
                    raise DamagedResultError(self.place, target, "its files are not those that it names")

    def _upload(self, target: Target, result: Result) -> None:
        with self.cache.scratch("upload") as scratch:
            config, layer = scratch / "config", scratch / "layer"
            about = described(result.folder, result.about)
            config.write_text(about, encoding="utf-8")
            pack({name: result.file(name) for name in json.loads(about)["files"]}, layer)
            manifest = oci_manifest(self._write(config, CONFIG), self._write(layer, LAYER), target.name)
        self.registry.put_manifest(self.section.repository, tag_of(target), manifest)
        self._uploaded.add(target.digest)

    def _write(self, path: Path, media_type: str) -> Descriptor:
        blob = Descriptor(media_type=media_type, digest=f"sha256:{sha256_of(path)}", size=path.stat().st_size)
        self.registry.blobs.upload(self.section.repository, blob.digest, path)
        return blob
