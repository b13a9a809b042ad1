"""Sessions whose archives, with a kernel to come, are in memory."""

from collections.abc import Mapping
from pathlib import Path

from lifecycle.errors import InstallerError
from lifecycle.planning.locked_project import LockedProject
from lifecycle.sources.open_index import PackageIndexes
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession
from tests.support.radar.coming_kernels import NEXT, KernelArchive, KernelArchives, radar_project

SUITE = {"new-proposed-updates": KernelArchive({NEXT: "6.12.119-1"})}


class Sources:
    """The sources of a session whose archives are in memory."""

    def __init__(self, indexes: PackageIndexes) -> None:
        self.indexes = indexes


class RadarSession(FakeSession):
    """A session whose checkout is a folder, whose engine does not answer, and whose archives are in memory."""

    def __init__(
        self, given: LockedProject, folder: Path, archives: Mapping[str, KernelArchive | InstallerError]
    ) -> None:
        super().__init__(given, folder / "cache", FakeEngine())
        self.root = folder
        self.indexes = KernelArchives(folder / "cache", archives)

    @property
    def sources(self) -> Sources:  # type: ignore[override]
        return Sources(self.indexes)


def radar_session(folder: Path, archives: Mapping[str, KernelArchive | InstallerError] = SUITE) -> RadarSession:
    """Return a session of two releases, with some archives."""
    return RadarSession(radar_project(root=folder), folder, archives)
