"""`sources` of component.yaml: where each release's packages and each driver come from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from lifecycle.config.placeholders import check_placeholders
from lifecycle.config.schema import Architecture, Loc, Model, ModuleType, problems_at, texts_of
from lifecycle.config.sources.driver_sources import DriverSource, RunfileDriver
from lifecycle.config.sources.names import DriverBranch, SourceName
from lifecycle.config.sources.package_sources import PackageSource, Source
from lifecycle.config.sources.packages import PackageEntry, PackageName, for_architecture, package_template

_VERSION, _ARCHITECTURE = "{version}", "{architecture}"
_BUILDER_NAMES = {"builder": ["architecture"]}
_FAMILY_NAMES = {"": ["version"], "builder": ["version", "architecture"]}
_RUNFILE_NAMES = {
    "url": ("version", "arch", "platform"),
    "fabricManager": ("version", "arch", "platform"),
    "versions": ("arch", "platform"),
}


class Packages(Model):
    """The names of packages by their role."""

    headers: Annotated[str, package_template("kernel", required=["kernel"])]
    """The headers of a kernel, with `{kernel}`."""
    newest_headers: Annotated[str, package_template("flavour", "architecture")]
    """The metapackage of the newest headers, with `{flavour}` and `{architecture}`."""
    kernel_image: Annotated[str, package_template("kernel", required=["kernel"])]
    """The kernel itself, with `{kernel}`; `nox -s test_node` boots it."""
    modules: dict[ModuleType, PackageName]
    """The module sources of each type."""
    userspace: list[PackageEntry] = Field(min_length=1)
    """Packages of the driver's exact version. An entry may name its architectures: `libx [amd64]`."""
    companions: list[PackageEntry] = []
    """Packages with versions of their own, of which the newest is taken; entries as in `userspace`."""

    def for_architecture(self, architecture: Architecture) -> "Packages":
        """Return a copy with only the packages for one architecture."""
        userspace = for_architecture(self.userspace, architecture)
        companions = for_architecture(self.companions, architecture)
        return self.model_copy(update={"userspace": userspace, "companions": companions})


class Sources(Model):
    """The sources of each release's packages and of each driver."""

    releases: dict[SourceName, Annotated[PackageSource, Field(discriminator="kind")]]
    """A source for each OS release, or for a family: `gardenlinux-*`."""
    drivers: dict[DriverBranch, Annotated[DriverSource, Field(discriminator="kind")]]
    """A source for each driver branch; `"*"` is for all others."""
    packages: Packages
    """The names of packages."""

    @model_validator(mode="after")
    def _has_known_placeholders(self) -> Self:
        problems = list(self._unknown_placeholders())
        if problems:
            raise problems_at("Sources", problems)
        return self

    def _unknown_placeholders(self) -> Iterator[tuple[Loc, str]]:
        for name, source in self.releases.items():
            names: Mapping[str, Sequence[str]] = _FAMILY_NAMES if name.endswith("-*") else _BUILDER_NAMES
            yield from _unknown_placeholders(source, ("releases", name), names)
        for branch, driver in self.drivers.items():
            names = _RUNFILE_NAMES if isinstance(driver, RunfileDriver) else {}
            yield from _unknown_placeholders(driver, ("drivers", branch), names)

    def release(self, name: str) -> PackageSource | None:
        """Return the source of a release: its own entry, or its family's with the version filled in. None if it has neither."""
        if name in self.releases:
            return self.releases[name]
        family, _, version = name.rpartition("-")
        source = self.releases.get(f"{family}-*")
        return source if source is None else _fill_version(source, version)

    def builder(self, release: str, architecture: Architecture) -> str | None:
        """Return the builder that the source of a release names, for an architecture. None if it names none."""
        source = self.release(release)
        return source.builder.replace(_ARCHITECTURE, architecture) if source and source.builder else None

    def driver(self, branch: str) -> DriverSource | None:
        """Return the source of a driver branch: its own entry, or that of `*`. None if there is neither."""
        return self.drivers.get(branch) or self.drivers.get("*")


def _unknown_placeholders(source: Source, place: Loc, names: Mapping[str, Sequence[str]]) -> Iterator[tuple[Loc, str]]:
    """Yield the texts of a source with unknown placeholders. `names` has the known ones by key, and by "" those of all keys."""
    for path, text in texts_of(source.model_dump(mode="json", by_alias=True, exclude_none=True)):
        try:
            check_placeholders(text, names.get(str(path[0]), names.get("", [])))
        except ValueError as error:
            yield (*place, *path), str(error)


def _fill_version(source: PackageSource, version: str) -> PackageSource:
    return type(source).model_validate(_fill(source.model_dump(exclude_none=True), version))


def _fill(value: Any, version: str) -> Any:  # noqa: ANN401 - any part of a document
    if isinstance(value, Mapping):
        return {key: _fill(part, version) for key, part in value.items()}
    if isinstance(value, list):
        return [_fill(part, version) for part in value]
    return value.replace(_VERSION, version) if isinstance(value, str) else value
