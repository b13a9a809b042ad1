"""component.yaml: what is built, from which sources, and where it goes. All configuration is in this file."""

from collections.abc import Iterator
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from lifecycle.config.driver_sources import DriverSource, PackagedDriver
from lifecycle.config.gitops import DeclaredPage, GitOps
from lifecycle.config.package_sources import PackageSource
from lifecycle.config.references import REPOSITORY, RegistryHost, Repository
from lifecycle.config.schema import Architecture, Loc, Model, ModuleType, ReleaseName, formed, problems_at, shown
from lifecycle.config.security import Advisories, Attest, Signing
from lifecycle.config.sources import Sources
from lifecycle.config.store import RemoteCacheConfig
from lifecycle.config.validation import parse, read_text
from lifecycle.config.versions import DRIVER_BRANCH, DRIVER_EXACT, VersionRange, driver_branch

NEWEST = "newest"


class Channel(StrEnum):
    """The role of an OS release: the previous one, the one in use, or the one under trial."""

    PREVIOUS = "previous"
    CURRENT = "current"
    CANARY = "canary"


def _driver_version(value: str) -> str:
    if DRIVER_BRANCH.fullmatch(value) or DRIVER_EXACT.fullmatch(value):
        return value
    remedy = "write a branch such as '535' (its newest) or an exact version such as 535.309.01"
    msg = f"{shown(value)} is not a driver version: {remedy}"
    raise ValueError(msg)


def _version_range(value: str) -> str:
    VersionRange.parse(value)
    return value


DriverVersion = Annotated[str, AfterValidator(_driver_version)]
Range = Annotated[str, AfterValidator(_version_range)]
ModuleName = Literal["nvidia", "nvidia-uvm", "nvidia-modeset", "nvidia-drm", "nvidia-peermem"]
ParameterName = Annotated[
    str, formed(r"[A-Za-z][A-Za-z0-9_]*", "the name of a module parameter: write a letter, then letters, digits or _")
]
ParameterValue = Annotated[
    str,
    formed(
        r"[A-Za-z0-9_.,:;=/+-]+", "the value of a module parameter: write letters, digits or _.,:;=/+- without spaces"
    ),
]
ComponentName = Annotated[
    str,
    formed(REPOSITORY, "the name of a component: write small letters and digits, joined by / . _ or -, as in team/app"),
]
ComponentVersion = Annotated[
    str, formed(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}", "a version: write three numbers with dots, such as 1.0.0")
]
Flavour = Annotated[str, formed(r"[a-z0-9]+", "the flavour of a kernel: write small letters and digits, such as cloud")]
KernelRelease = Annotated[
    str,
    formed(
        r"[0-9]+(\.[0-9]+)+[A-Za-z0-9.+~_-]*", "a kernel release: write that of `uname -r`, such as 6.12.60-cloud-amd64"
    ),
]
Kernel = Annotated[
    str,
    formed(
        r"newest|[0-9]+(\.[0-9]+)+[A-Za-z0-9.+~-]*",
        "a kernel: write newest, or a kernel release (`uname -r`) such as 6.1.0-56-cloud-amd64",
    ),
]


class Image(Model):
    """The repository of the images: `registry/repository`. `source` is the address of the sources, for a label of the images."""

    registry: RegistryHost
    repository: Repository
    source: (
        Annotated[str, formed(r"https?://\S+", "an address: write one such as https://git.example.com/gpu")] | None
    ) = None


class Release(Model):
    """One OS release. `kernel` is an exact kernel release (`uname -r`), or `newest` for the newest one of its source."""

    name: ReleaseName
    kernel_flavour: Flavour = "cloud"
    channel: Channel
    kernel: Kernel = NEWEST


class Exclusion(Model):
    """Combinations that do not work. All keys must match. They name kernels and drivers, never an OS release.

    `kernel` is a range of upstream versions, `kernel_release` one kernel (`uname -r`).
    """

    driver_version: str = "*"
    module_type: ModuleType | None = None
    kernel: Range | None = None
    kernel_release: KernelRelease | None = None
    architecture: Architecture | None = None
    reason: str = Field(min_length=10)

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.driver_version == "*" and not (
            self.module_type or self.kernel or self.kernel_release or self.architecture
        ):
            msg = "excludes everything: name a driverVersion, moduleType, kernel, kernelRelease or architecture"
            raise ValueError(msg)
        return self

    def matches(
        self, *, driver: str, module_type: ModuleType, kernel: str, kernel_release: str, architecture: Architecture
    ) -> bool:
        """Return whether it excludes a driver version, module type, Linux version (such as 6.1.192), kernel and architecture."""
        return (
            (fnmatchcase(driver, self.driver_version) or driver_branch(driver) == self.driver_version)
            and self.module_type in (None, module_type)
            and self.architecture in (None, architecture)
            and self.kernel_release in (None, kernel_release)
            and (self.kernel is None or kernel in VersionRange.parse(self.kernel))
        )


class Context(Model):
    """The matrix: every release with every driver and module type, less the exclusions."""

    releases: list[Release] = Field(min_length=1)
    driver_version: list[DriverVersion] = Field(min_length=1)
    module_type: list[ModuleType] = Field(min_length=1)
    architecture: list[Architecture] = Field(min_length=1)
    exclude: list[Exclusion] = []

    @model_validator(mode="after")
    def _has_no_duplicates(self) -> Self:
        names: dict[Loc, str] = {("releases", i, "name"): release.name for i, release in enumerate(self.releases)}
        names |= {("driverVersion", i): version for i, version in enumerate(self.driver_version)}
        names |= {("moduleType", i): str(module_type) for i, module_type in enumerate(self.module_type)}
        names |= {("architecture", i): str(architecture) for i, architecture in enumerate(self.architecture)}
        first: dict[tuple[str | int, str], Loc] = {}
        duplicates = [
            (loc, f"duplicate {shown(name)}: remove one of them")
            for loc, name in names.items()
            if first.setdefault((loc[0], name), loc) != loc
        ]
        if duplicates:
            raise problems_at("Context", duplicates)
        return self


class Policy(Model):
    """The number of releases of a family in a channel, and of drivers. One more retires the oldest."""

    releases_per_channel: int = Field(default=1, ge=1)
    drivers: int = Field(default=3, ge=1)


class Component(Model):
    """The whole file. `module_parameters` are the defaults on a node.

    Without `signing` the modules are not signed. Without `attest` the pushed images are not signed. Without `store` there is no
    remote cache. Without `gitops` a release changes no cluster, and without `release` it makes no page at a code forge.
    """

    name: ComponentName
    version: ComponentVersion
    image: Image
    context: Context
    sources: Sources
    policy: Policy = Policy()
    signing: Signing | None = None
    attest: Attest | None = None
    advisories: Advisories | None = None
    store: RemoteCacheConfig | None = None
    gitops: GitOps | None = None
    release: DeclaredPage = None
    module_parameters: dict[ModuleName, dict[ParameterName, ParameterValue]] = {}

    @model_validator(mode="after")
    def _every_release_and_driver_has_a_source(self) -> Self:
        if missing := list(self._without_source()):
            raise problems_at("Component", missing)
        return self

    def _without_source(self) -> Iterator[tuple[Loc, str]]:
        for index, release in enumerate(self.context.releases):
            if self.sources.release(release.name) is None:
                loc: Loc = ("context", "releases", index, "name")
                yield loc, f"no source for release {release.name!r}: add it under sources.releases, or remove it"
        for index, version in enumerate(self.context.driver_version):
            if self.sources.driver(driver_branch(version)) is None:
                loc = ("context", "driverVersion", index)
                yield loc, f"no source for driver {version!r}: add its branch under sources.drivers, or remove it"
        for branch, driver in self.sources.drivers.items():
            if isinstance(driver, PackagedDriver) and self.sources.release(driver.release) is None:
                loc = ("sources", "drivers", branch, "release")
                yield (
                    loc,
                    f"no source for release {driver.release!r}: add it under sources.releases, or name another one",
                )

    @property
    def short_name(self) -> str:
        """The last part of the component's name: `nvidia-installer`."""
        return self.name.rpartition("/")[2]

    def source_of(self, release: str) -> PackageSource:
        """Return the source of a release in this file; validation makes sure that it has one. Raises KeyError for others."""
        source = self.sources.release(release)
        if source is None:
            raise KeyError(release)
        return source

    def driver_source_of(self, version: str) -> DriverSource:
        """Return the source of a driver version or branch in this file. Raises KeyError for others."""
        source = self.sources.driver(driver_branch(version))
        if source is None:
            raise KeyError(version)
        return source


def load_component(path: Path) -> Component:
    """Read component.yaml. Raises ConfigurationError as `parse_component`, and if the file cannot be read."""
    return parse_component(read_text(path), file=path.name)


def parse_component(text: str, *, file: str) -> Component:
    """Parse the text of component.yaml.

    Raises ConfigurationError with all problems, each as `file:line:column: key: what is wrong, and what to do`.
    """
    return parse(Component, text, file=file)
