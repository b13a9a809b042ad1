"""`sources` of component.yaml: where each release's packages and each driver come from."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from lifecycle.config.packages import for_architecture
from lifecycle.config.schema import Architecture, Model, ModuleType, ReleaseName
from lifecycle.tools.digest import digest_of, short

_VERSION = "{version}"
# File systems limit a name to 255 bytes; the digest makes a shortened one unique.
_LONGEST_NAME = 100

# The entry of one release, or of a family (`gardenlinux-*`), in which `{version}` is replaced by what `*` matches.
SourceName = Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*(-\*)?$")]
# The entry of one branch, or `*` for all branches without an entry.
DriverBranch = Annotated[str, Field(pattern=r"^([0-9]{3}|\*)$")]
# A container's name has no slash and no query (OpenStack Object Storage API v1, "Containers").
ContainerName = Annotated[str, Field(pattern=r"^[^/?#\s]{1,256}$")]


def _location(value: str) -> str:
    scheme, colon, _ = value.partition("://")
    if colon and scheme not in ("https", "http", "file"):
        msg = f"{value!r}: {scheme}:// is not supported: write https://…, swift:container/object, or a path"
        raise ValueError(msg)
    if not colon and value.startswith("swift:") and not re.fullmatch(r"swift:[^/]+/.+", value):
        msg = f"{value!r} names no object: write swift:container/object"
        raise ValueError(msg)
    return value


# The location of a file: a URL, `swift:container/object`, or a path. A relative path is below the checkout.
Location = Annotated[str, Field(min_length=1), AfterValidator(_location)]


class AptRepository(Model):
    """One suite of an APT archive.

    It has either `archive`, or `uri` and `keyring`. `archive` is the Label (Debian, Debian-Security) of an archive that the
    machine's own apt knows; its address, keyring and options are used. A flat archive has a suite that ends with `/`, and no
    components. Sources: sources.list(5), Debian's Release files.
    """

    archive: str | None = Field(default=None, min_length=1)
    uri: str | None = Field(default=None, pattern=r"^(mirror|(mirror\+)?(https?|file|copy)):/\S+$")
    keyring: Path | None = None
    suite: str = Field(pattern=r"^\S+$")
    components: list[Annotated[str, Field(pattern=r"^\S+$")]] = []

    @model_validator(mode="after")
    def _has_an_address_and_a_keyring(self) -> Self:
        if (self.archive is None) == (self.uri is None):
            msg = "needs either 'archive' (one the machine's apt is set up with) or 'uri' with 'keyring'"
            raise ValueError(msg)
        if self.uri and not self.keyring:
            msg = "'uri' needs 'keyring', the file whose keys sign the archive"
            raise ValueError(msg)
        if self.uri and "@" in self.uri.partition("://")[2].partition("/")[0]:
            msg = "'uri' contains a login, which would be committed: write the login to /etc/apt/auth.conf.d (apt_auth.conf(5))"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _has_components_unless_it_is_flat(self) -> Self:
        if self.is_flat and self.components:
            msg = (
                f"suite {self.suite!r} ends with '/', so the archive is flat and has no components: remove 'components'"
            )
            raise ValueError(msg)
        if not self.is_flat and not self.components:
            msg = "'components' must not be empty: name them, as in [main]; only a suite that ends with '/' has none"
            raise ValueError(msg)
        return self

    @property
    def is_flat(self) -> bool:
        """True if the archive has no `dists` folder: its suite is a folder below its address."""
        return self.suite.endswith("/")

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
        """The names of its suites, and of its flat archives, each once, joined by dashes."""
        return "-".join(dict.fromkeys(r.label if r.is_flat else r.suite for r in self.repositories))

    def lists(self, architecture: Architecture) -> str:
        """Return the name of the folder with its package lists, below apt/ in the cache."""
        plain = [repository.model_dump(mode="json", exclude_none=True) for repository in self.repositories]
        name = re.sub(r"[^\w.+~-]+", "_", self.suites)[:_LONGEST_NAME]
        return f"{name}-{architecture}-{short(digest_of(plain))}"


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
    aarch64). `versions` is a page that names the versions, with `{arch}`; a container or a folder is listed instead.
    """

    kind: Literal["runfile"]
    url: Location
    fabric_manager: Location | None = None
    versions: Location | None = None

    @model_validator(mode="after")
    def _names_the_version(self) -> Self:
        for name, value in (("url", self.url), ("fabricManager", self.fabric_manager)):
            if value is not None and _VERSION not in value:
                msg = f"{name} {value!r} lacks the version: write {_VERSION} in its place"
                raise ValueError(msg)
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


class Packages(Model):
    """The names of packages by their role, with the placeholders `{kernel}`, `{flavour}` and `{architecture}`.

    An entry of `userspace` and `companions` may name the architectures of its package, as Debian does: `libx [amd64]`.
    """

    headers: str
    newest_headers: str
    kernel_image: str
    modules: dict[ModuleType, str]
    userspace: list[str] = Field(min_length=1)
    companions: list[str] = []

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


def _fill_version(source: PackageSource, version: str) -> PackageSource:
    return type(source).model_validate(_fill(source.model_dump(exclude_none=True), version))


def _fill(value: Any, version: str) -> Any:  # noqa: ANN401 - any part of a document
    if isinstance(value, Mapping):
        return {key: _fill(part, version) for key, part in value.items()}
    if isinstance(value, list):
        return [_fill(part, version) for part in value]
    return value.replace(_VERSION, version) if isinstance(value, str) else value
