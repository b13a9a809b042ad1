"""component.yaml: what is built, from which sources, and where it goes. All configuration is in this file."""

from collections.abc import Iterator
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lifecycle.config.gitops import DeclaredPage, GitOps
from lifecycle.config.policy import Policy
from lifecycle.config.references import REPOSITORY, RegistryHost, Repository
from lifecycle.config.schema import Architecture, Loc, Model, ModuleType, ReleaseName, formed, problems_at, shown
from lifecycle.config.security import Advisories, Attest, Signing
from lifecycle.config.sources.driver_sources import DriverSource, PackagedDriver
from lifecycle.config.sources.package_sources import ComingRepository, PackageSource
from lifecycle.config.sources.section import Sources
from lifecycle.config.store import RemoteCacheConfig
from lifecycle.config.validation import parse, read_text
from lifecycle.config.versions import DriverVersion, Flavour, Kernel, KernelRelease, Range, VersionRange, driver_branch

NEWEST = "newest"


class Channel(StrEnum):
    """The role of an OS release: the previous one, the one in use, or the one under trial."""

    PREVIOUS = "previous"
    CURRENT = "current"
    CANARY = "canary"


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


class Image(Model):
    """The repository of the images, `registry/repository`."""

    registry: RegistryHost
    """The host of the registry and its port, without a scheme: `registry.example.com:5000`."""
    repository: Repository
    """The path in the registry, such as `gpu/nvidia-installer`."""
    source: (
        Annotated[str, formed(r"https?://\S+", "an address: write one such as https://git.example.com/gpu")] | None
    ) = None
    """The address of the sources, for the label `org.opencontainers.image.source` of the images."""


class Release(Model):
    """One OS release."""

    name: ReleaseName
    """The name, such as `debian-13`. `sources.releases` has a source for it, image_versions its builder."""
    kernel_flavour: Flavour = "cloud"
    """The flavour of the kernel, for the source's metapackage of headers."""
    channel: Channel
    """The role of the release, by which commands select it."""
    kernel: Kernel = NEWEST
    """An exact kernel release (`uname -r`), or `newest` for the newest one of the source."""


class Exclusion(Model):
    """Combinations that do not work. All keys must match. They name kernels and drivers, never an OS release."""

    driver_version: str = "*"
    """A driver version, a branch, or a glob such as `535.*`."""
    module_type: ModuleType | None = None
    """One module type; without it, both."""
    kernel: Range | None = None
    """A range of upstream versions of Linux, such as `>=6.1.190, <6.2`."""
    kernel_release: KernelRelease | None = None
    """One kernel, as `uname -r` prints it."""
    architecture: Architecture | None = None
    """One architecture; without it, all."""
    reason: str = Field(min_length=10)
    """The reason, which `invoke matrix` shows."""

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
    """The OS releases."""
    driver_version: list[DriverVersion] = Field(min_length=1)
    """Exact versions, such as `550.163.01`, and branches, such as `550`, which mean their newest version."""
    module_type: list[ModuleType] = Field(min_length=1)
    """The sets of modules to put into each image."""
    architecture: list[Architecture] = Field(min_length=1)
    """The architectures of the nodes. The first is that of the machine that compiles."""
    exclude: list[Exclusion] = []
    """Combinations that do not work."""

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


class Component(Model):
    """The declaration of everything: what is built, from which sources, and where it goes."""

    name: ComponentName
    """The name of the component: small letters and digits, joined by `/ . _ -`."""
    version: ComponentVersion
    """The version of the last release. `invoke release` writes it."""
    image: Image
    """The repository of the images."""
    context: Context
    """The matrix to build."""
    sources: Sources
    """The origins of kernels and drivers."""
    policy: Policy = Policy()
    """The number of releases and drivers to keep, and the evidence that a canary needs."""
    signing: Signing | None = None
    """The signer of the kernel modules. Without it they are not signed."""
    attest: Attest | None = None
    """The signer of pushed images. Without it they are not signed."""
    advisories: Advisories | None = None
    """The security bulletins that `invoke advisories` reads."""
    radar: dict[ReleaseName, list[ComingRepository]] = {}
    """For each OS release, the suites whose kernels may reach it later. `invoke radar` asks them, and the release's own source."""
    store: RemoteCacheConfig | None = None
    """The remote cache. Without it machines share no results."""
    gitops: GitOps | None = None
    """The repository that clusters deploy from. Without it a release changes no cluster."""
    release: DeclaredPage = None
    """A release at a code forge. Without it `invoke release` makes none."""
    module_parameters: dict[ModuleName, dict[ParameterName, ParameterValue]] = {}
    """The default parameters of each kernel module on a node."""

    @model_validator(mode="after")
    def _every_release_and_driver_has_a_source(self) -> Self:
        if missing := [*self._without_source(), *self._radar_without_source()]:
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

    def _radar_without_source(self) -> Iterator[tuple[Loc, str]]:
        for name in self.radar:
            if self.sources.release(name) is None:
                yield ("radar", name), f"no source for release {name!r}: add it under sources.releases, or remove it"

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
