from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import Lock
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptSource
from lifecycle.sources.apt.index import AptIndex
from lifecycle.sources.apt.machine import MachineArchives
from lifecycle.sources.driver_versions import DriverVersions
from lifecycle.sources.locations import InputLocations
from lifecycle.sources.open_index import PackageIndexes
from lifecycle.sources.redistributable import RedistributableResolver
from lifecycle.sources.resolve_lock import LockResolver, StaleLockError
from lifecycle.sources.runfile import RunfileResolver
from lifecycle.sources.swift import SwiftSession
from lifecycle.tools.engine.engine import PulledImage
from tests.support.builders.apt_archive import Archive
from tests.support.builders.projects import component, images, lock, project


class OneArchive(PackageIndexes):
    """Package indexes that replace every declared archive by one."""

    def open_apt(self, source: AptSource, architecture: Architecture) -> AptIndex:
        return super().open_apt(
            source.model_copy(update={"repositories": list(self.locations.repositories)}), architecture
        )


def resolver(archive: Archive, root: Path, log: list[str]) -> LockResolver:
    cache = Cache(root)
    locations = InputLocations(
        root=root, machine=MachineArchives(), swift=SwiftSession({}), repositories=(archive.repository(),)
    )
    reader = DriverVersions(cache=cache, locations=locations, say=log.append)
    return LockResolver(
        indexes=OneArchive(cache=cache, locations=locations),
        runfiles=RunfileResolver(reader=reader),
        redistributables=RedistributableResolver(reader=reader),
        pull=lambda reference, _: PulledImage(digest=f"sha256:{reference}", id="sha256:1"),
        say=log.append,
    )


ONE_DRIVER = component(
    ("    - 550.163.01\n", ""),
    ("old-1, channel", "old-1, kernel: 6.1.0-50-cloud-amd64, channel"),
)


def test_only_stale_entries_are_resolved(archive: Archive, tmp_path: Path) -> None:
    log: list[str] = []
    bases = images()
    pulled = {name: replace(base, reference=f"reg/{name.lower()}:1") for name, base in bases.bases.items()}
    declared = project(component=ONE_DRIVER, images=replace(bases, bases=pulled))
    lock_resolver = resolver(archive, tmp_path, log)
    first = lock_resolver.resolve(declared, Lock(), locked=False)
    count = len(log)

    assert {key: kernel.release for key, kernel in first.kernels.items()} == {
        "old-1/amd64": "6.1.0-50-cloud-amd64",
        "new-2/amd64": "6.1.0-56-cloud-amd64",
    }
    assert first.bases["RUNTIME"].digest == "sha256:reg/runtime:1"
    assert lock_resolver.resolve(declared, first, locked=True) == first
    assert len(log) == count


def test_undeclared_entries_are_removed_from_the_lock(archive: Archive, tmp_path: Path) -> None:
    declared = project(component=ONE_DRIVER, images=images())
    packages = {
        "builder_packages": replace(declared.builder_packages, include=("libc6",)),
        "runtime_packages": replace(declared.runtime_packages, include=("libc6",)),
    }
    declared = replace(declared, **packages)  # type: ignore[arg-type]
    found = resolver(archive, tmp_path, []).resolve(declared, lock(), locked=False)

    assert list(found.drivers) == ["535/amd64"]
    assert [file.name for file in found.bases["RUNTIME"].packages] == ["libc6"]


def test_a_stale_lock_is_an_error_under_locked(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(StaleLockError, match="is stale for old-1/amd64"):
        resolver(archive, tmp_path, []).resolve(project(), lock(), locked=True)
    assert not list(tmp_path.iterdir())
