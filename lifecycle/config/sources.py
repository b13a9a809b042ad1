"""`sources` of component.yaml: where each release's packages and each driver come from."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from lifecycle.config.packages import PackageEntry, PackageName, for_architecture, package_template
from lifecycle.config.placeholders import check_placeholders
from lifecycle.config.schema import Architecture, Loc, Model, ModuleType, ReleaseName, problems_at, shown, texts_of
from lifecycle.config.source_names import AptComponent, ContainerName, DriverBranch, SourceName, Suite, Uri
from lifecycle.tools.digest import digest_of, short

_VERSION = "{version}"
_RUNFILE_NAMES = ("version", "arch", "platform")


def _location(value: str) -> str:
    scheme, colon, _ = value.partition("://")
    if colon and scheme not in ("https", "http", "file"):
        msg = f"{shown(value)}: {scheme}:// is not supported: write https://…, swift:container/object, or a path"
        raise ValueError(msg)
    if not colon and value.startswith("swift:") and not re.fullmatch(r"swift:[^/]+/.+", value):
        msg = f"{shown(value)} names no object: write swift:container/object"
        raise ValueError(msg)
    return value


# The location of a file: a URL, `swift:container/object`, or a path. A relative path is below the checkout.
Location = Annotated[str, Field(min_length=1), AfterValidator(_location)]


class AptRepository(Model):
    """One suite of an APT archive.

    It has either `archive`, or `uri` and `keyring`. `archive` is the Label (Debian, Debian-Security) of an archive that the
    machine's own apt knows; its address and keyring are used. Sources: sources.list(5), Debian's Release files.
    """

    archive: str | None = None
    uri: Uri | None = None
    keyring: Path | None = None
    suite: Suite
    components: list[AptComponent] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_an_address_and_a_keyring(self) -> Self:
        if (self.archive is None) == (self.uri is None):
            msg = "needs either 'archive' (one the machine's apt is set up with) or 'uri' with 'keyring'"
            raise ValueError(msg)
        if self.uri and not self.keyring:
            msg = "'uri' needs 'keyring', the file whose keys sign the archive"
            raise ValueError(msg)
        return self

    @property
    def label(self) -> str:
        """The name of the archive in versions.lock. It is an address only if component.yaml names one."""
        return self.archive or str(self.uri)


class Source(Model):
    """The base of all kinds of sources. `endOfLife` is the last day (YYYY-MM-DD) of the vendor's support."""

    end_of_life: date | None = None


class AptSource(Source):
    """The APT suites with the packages of one OS release.

    `versions`, of a family, is a page that names its releases, since an archive does not list them.
    """

    kind: Literal["apt"]
    repositories: list[AptRepository] = Field(min_length=1)
    versions: Location | None = None

    @property
    def suites(self) -> str:
        """The names of its suites, each once, joined by dashes."""
        return "-".join(dict.fromkeys(repository.suite for repository in self.repositories))

    def lists(self, architecture: Architecture) -> str:
        """Return the name of the folder with its package lists, below apt/ in the cache."""
        plain = [repository.model_dump(mode="json", exclude_none=True) for repository in self.repositories]
        return f"{self.suites}-{architecture}-{short(digest_of(plain))}"


class SwiftSource(Source):
    """Packages in an OpenStack Swift container: the .deb files whose names start with `prefix`.

    `mirrorOf` is the APT archive that `invoke mirror` copies from.
    """

    kind: Literal["swift"]
    container: ContainerName
    prefix: str = ""
    mirror_of: AptSource | None = None


class DirectorySource(Source):
    """Packages in a folder of .deb files. A relative path is below the checkout."""

    kind: Literal["directory"]
    path: str = Field(min_length=1)


# The kinds of package sources, told apart by `kind`.
PackageSource: TypeAlias = AptSource | SwiftSource | DirectorySource


class PackagedDriver(Source):
    """A driver branch as packages of `release`, an entry of sources.releases."""

    kind: Literal["packages"]
    release: ReleaseName


class RunfileDriver(Source):
    """A driver branch as NVIDIA's own installer, `NVIDIA-Linux-<arch>-<version>.run`.

    `url` and `fabricManager` (its redistributable archive) are locations with the placeholders `{version}` and `{arch}` (x86_64,
    aarch64). `versions` is a page that names the versions; a container or a folder is listed instead.
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


DriverSource: TypeAlias = PackagedDriver | RunfileDriver


class Packages(Model):
    """The names of packages by their role, with the placeholders `{kernel}`, `{flavour}` and `{architecture}`.

    An entry of `userspace` and `companions` may name the architectures of its package, as Debian does: `libx [amd64]`.
    """

    headers: Annotated[str, package_template("kernel", required=["kernel"])]
    newest_headers: Annotated[str, package_template("flavour", "architecture")]
    kernel_image: Annotated[str, package_template("kernel", required=["kernel"])]
    modules: dict[ModuleType, PackageName]
    userspace: list[PackageEntry] = Field(min_length=1)
    companions: list[PackageEntry] = []

    def for_architecture(self, architecture: Architecture) -> "Packages":
        """Return a copy with only the packages for one architecture."""
        userspace = for_architecture(self.userspace, architecture)
        companions = for_architecture(self.companions, architecture)
        return self.model_copy(update={"userspace": userspace, "companions": companions})


class Sources(Model):
    """The sources of each release's packages and of each driver."""

    releases: dict[SourceName, Annotated[PackageSource, Field(discriminator="kind")]]
    drivers: dict[DriverBranch, Annotated[DriverSource, Field(discriminator="kind")]]
    packages: Packages

    @model_validator(mode="after")
    def _has_known_placeholders(self) -> Self:
        problems = list(self._unknown_placeholders())
        if problems:
            raise problems_at("Sources", problems)
        return self

    def _unknown_placeholders(self) -> Iterator[tuple[Loc, str]]:
        for name, source in self.releases.items():
            names: Mapping[str, Sequence[str]] = {"": ["version"]} if name.endswith("-*") else {}
            yield from _unknown_placeholders(source, ("releases", name), names)
        for branch, driver in self.drivers.items():
            names = {"url": _RUNFILE_NAMES, "fabricManager": _RUNFILE_NAMES}
            yield from _unknown_placeholders(driver, ("drivers", branch), names)

    def release(self, name: str) -> PackageSource | None:
        """Return the source of a release: its own entry, or its family's with the version filled in. None if it has neither."""
        if name in self.releases:
            return self.releases[name]
        family, _, version = name.rpartition("-")
        source = self.releases.get(f"{family}-*")
        return source if source is None else _fill_version(source, version)

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
