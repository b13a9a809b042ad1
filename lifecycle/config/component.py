"""component.yaml: what is built, from which sources, and where it goes. All configuration is in this file."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from lifecycle.config.gitops import GitOps
from lifecycle.config.schema import Architecture, Model, ModuleType, ReleaseName
from lifecycle.config.sources import DriverSource, PackagedDriver, PackageSource, Sources
from lifecycle.config.store import RemoteCacheConfig
from lifecycle.config.validation import read_text, validate
from lifecycle.config.versions import DRIVER_BRANCH, DRIVER_EXACT, VersionRange, driver_branch
from lifecycle.yamledit.reader import read_yaml

NEWEST = "newest"


class Channel(StrEnum):
    """The role of an OS release: the previous one, the one in use, or the one under trial."""

    PREVIOUS = "previous"
    CURRENT = "current"
    CANARY = "canary"


def _driver_version(value: str) -> str:
    if DRIVER_BRANCH.fullmatch(value) or DRIVER_EXACT.fullmatch(value):
        return value
    msg = f"{value!r} is not a driver version: write a branch such as '535' (its newest) or an exact version such as 535.309.01"
    raise ValueError(msg)


def _version_range(value: str) -> str:
    VersionRange.parse(value)
    return value


DriverVersion = Annotated[str, AfterValidator(_driver_version)]
Range = Annotated[str, AfterValidator(_version_range)]
ModuleName = Literal["nvidia", "nvidia-uvm", "nvidia-modeset", "nvidia-drm", "nvidia-peermem"]
ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
ParameterValue = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.,:;=/+-]+$")]


class Image(Model):
    """The repository of the images: `registry/repository`."""

    registry: str = Field(min_length=1)
    repository: str = Field(pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$")


class Release(Model):
    """One OS release. `kernel` is an exact kernel release (`uname -r`), or `newest` for the newest one of its source."""

    name: ReleaseName
    kernel_flavour: str = Field(default="cloud", pattern=r"^[a-z0-9]+$")
    channel: Channel
    kernel: str = Field(default=NEWEST, pattern=r"^(newest|[0-9]+(\.[0-9]+)+[A-Za-z0-9.+~-]*)$")


class Exclusion(Model):
    """Combinations that do not work. All keys must match. They name kernels and drivers, never an OS release.

    `kernel` is a range of upstream versions, `kernel_release` one kernel (`uname -r`).
    """

    driver_version: str = "*"
    module_type: ModuleType | None = None
    kernel: Range | None = None
    kernel_release: str | None = Field(default=None, pattern=r"^[0-9]+(\.[0-9]+)+[A-Za-z0-9.+~_-]*$")
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
        lists: Mapping[str, list[str]] = {
            "releases": [release.name for release in self.releases],
            "driverVersion": list(self.driver_version),
            "moduleType": [str(module_type) for module_type in self.module_type],
            "architecture": [str(architecture) for architecture in self.architecture],
        }
        duplicates = [
            f"{name} {value!r}" for name, values in lists.items() for value, n in Counter(values).items() if n > 1
        ]
        if duplicates:
            msg = f"duplicate {', '.join(duplicates)}: remove one of them"
            raise ValueError(msg)
        return self


class Signing(Model):
    """The signer of the kernel modules. Each value is the path of a file, or `env:NAME` (see lifecycle/config/signing.py)."""

    certificate: str = Field(min_length=1)
    key: str = Field(min_length=1)
    passphrase: str | None = Field(default=None, min_length=1)
    hash: Literal["sha256", "sha384", "sha512"] = "sha256"


class Policy(Model):
    """The number of releases of a family in a channel, and of drivers. One more retires the oldest."""

    releases_per_channel: int = Field(default=1, ge=1)
    drivers: int = Field(default=3, ge=1)


class Component(Model):
    """The whole file. `module_parameters` are the defaults on a node.

    Without `signing` the modules are not signed. Without `store` there is no remote cache. Without `gitops` a release changes no
    cluster.
    """

    name: str = Field(min_length=1)
    version: str = Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    image: Image
    context: Context
    sources: Sources
    policy: Policy = Policy()
    signing: Signing | None = None
    store: RemoteCacheConfig | None = None
    gitops: GitOps | None = None
    module_parameters: dict[ModuleName, dict[ParameterName, ParameterValue]] = {}

    @model_validator(mode="after")
    def _every_release_and_driver_has_a_source(self) -> Self:
        sources, versions = self.sources, self.context.driver_version
        missing = [f"release {r.name!r}" for r in self.context.releases if sources.release(r.name) is None]
        missing += [f"driver {version!r}" for version in versions if sources.driver(driver_branch(version)) is None]
        missing += [
            f"driver branch {branch!r}'s release {driver.release!r}"
            for branch, driver in sources.drivers.items()
            if isinstance(driver, PackagedDriver) and sources.release(driver.release) is None
        ]
        if missing:
            msg = f"no source for {', '.join(missing)}: add it under 'sources', or remove it"
            raise ValueError(msg)
        return self

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
    return validate(Component, read_yaml(text, file=file))
