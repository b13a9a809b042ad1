"""The sources of a driver branch: packages, NVIDIA's .run files, NVIDIA's redistributable archives."""

from typing import Literal, Self, TypeAlias

from pydantic import model_validator

from lifecycle.config.package_sources import Source
from lifecycle.config.schema import Loc, ReleaseName, problems_at, shown
from lifecycle.config.source_names import Location

_VERSION = "{version}"


class PackagedDriver(Source):
    """A driver branch as packages of `release`, an entry of sources.releases."""

    kind: Literal["packages"]
    release: ReleaseName


class RunfileDriver(Source):
    """A driver branch as NVIDIA's own installer, `NVIDIA-Linux-<arch>-<version>.run`.

    `url` and `fabricManager` (its redistributable archive) are locations with the placeholders `{version}` and `{arch}` (x86_64,
    aarch64). `versions` is a page that names the versions, with `{arch}`; a container or a folder is listed instead.
    """

    kind: Literal["runfile"]
    url: Location
    fabric_manager: Location | None = None
    versions: Location | None = None

    @model_validator(mode="after")
    def _names_the_version(self) -> Self:
        values = {"url": self.url, "fabricManager": self.fabric_manager}
        problems: list[tuple[Loc, str]] = [
            ((name,), f"{shown(value)} lacks the version: write {_VERSION} in its place")
            for name, value in values.items()
            if value is not None and _VERSION not in value
        ]
        if problems:
            raise problems_at("RunfileDriver", problems)
        return self


class RedistributableDriver(Source):
    """A driver branch as NVIDIA's redistributable archives.

    `url` is the folder with an index for each version, `redistrib_<version>.json`. `versions` is a page that names these
    files; without it, the folder is listed. `fabricManager` also takes the archive of fabric manager from the index.
    """

    kind: Literal["redistributable"]
    url: Location
    versions: Location | None = None
    fabric_manager: bool = False

    @property
    def folder(self) -> str:
        """The location of the folder, without a slash at its end."""
        return self.url.rstrip("/")

    @property
    def page(self) -> str:
        """The location of the list of versions. A web server lists a folder under its address with a slash."""
        return self.versions or f"{self.folder}/"


DriverSource: TypeAlias = PackagedDriver | RunfileDriver | RedistributableDriver
