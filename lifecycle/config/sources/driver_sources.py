"""The sources of a driver branch: packages, NVIDIA's .run files, NVIDIA's redistributable archives."""

from typing import Literal, Self, TypeAlias

from pydantic import model_validator

from lifecycle.config.schema import Loc, ReleaseName, problems_at, shown
from lifecycle.config.sources.names import Location
from lifecycle.config.sources.package_sources import Source

_VERSION = "{version}"


class PackagedDriver(Source):
    """A driver branch as packages of an OS release."""

    kind: Literal["packages"]
    release: ReleaseName
    """The entry of `sources.releases` that has the packages."""


class RunfileDriver(Source):
    """A driver branch as NVIDIA's own installer, `NVIDIA-Linux-<arch>-<version>.run`."""

    kind: Literal["runfile"]
    url: Location
    """The location of an installer, with `{version}` and `{arch}` (x86_64, aarch64)."""
    fabric_manager: Location | None = None
    """The location of fabric manager's redistributable archive, with `{version}` and `{platform}`."""
    versions: Location | None = None
    """A page that names the versions, with `{arch}`. A container or a folder is listed instead."""

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
    """A driver branch as NVIDIA's redistributable archives."""

    kind: Literal["redistributable"]
    url: Location
    """The folder with an index for each version, `redistrib_<version>.json`."""
    versions: Location | None = None
    """A page that names these indexes. Without it, the folder is listed."""
    fabric_manager: bool = False
    """True: also take the archive of fabric manager from the index."""

    @property
    def folder(self) -> str:
        """The location of the folder, without a slash at its end."""
        return self.url.rstrip("/")

    @property
    def page(self) -> str:
        """The location of the list of versions. A web server lists a folder under its address with a slash."""
        return self.versions or f"{self.folder}/"


DriverSource: TypeAlias = PackagedDriver | RunfileDriver | RedistributableDriver
