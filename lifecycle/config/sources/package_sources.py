"""The sources of a release's packages: APT archives, Swift containers, folders."""

import re
from datetime import date
from pathlib import Path
from typing import Literal, Self, TypeAlias

from pydantic import Field, model_validator

from lifecycle.config.schema import Architecture, Model, ReleaseName, shown
from lifecycle.config.sources.names import AptComponent, Builder, ContainerName, Location, Suite, Uri
from lifecycle.tools.digest import digest_of, short

# File systems limit a name to 255 bytes; the digest makes a shortened one unique.
_LONGEST_NAME = 100


class AptRepository(Model):
    """One suite of an APT archive, which is named by `archive`, or by `uri` and `keyring`.

    Sources: sources.list(5), Debian's Release files.
    """

    archive: str | None = Field(default=None, min_length=1)
    """The Label (Debian, Debian-Security) of an archive that the machine's own apt knows, with its address, keyring and options."""
    uri: Uri | None = None
    """The address of an archive that the machine's apt does not know."""
    keyring: Path | None = None
    """The absolute path of the keys that sign the archive at `uri`."""
    suite: Suite
    """A suite such as `trixie`, or the folder of a flat archive, which ends with `/`."""
    components: list[AptComponent] = []
    """The components of the suite, such as main. A flat archive has none."""

    @model_validator(mode="after")
    def _has_an_address_and_a_keyring(self) -> Self:
        if (self.archive is None) == (self.uri is None):
            msg = "needs either 'archive' (one the machine's apt is set up with) or 'uri' with 'keyring'"
            raise ValueError(msg)
        if self.uri and not self.keyring:
            msg = "'uri' needs 'keyring', the file whose keys sign the archive"
            raise ValueError(msg)
        if self.keyring and not self.keyring.is_absolute():
            example = "write an absolute path, such as /usr/share/keyrings/x.gpg"
            msg = f"'keyring' is {shown(str(self.keyring))}, which apt reads as a fingerprint: {example}"
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


class ComingRepository(AptRepository):
    """An APT suite whose kernels may reach a release later."""

    builder: ReleaseName | None = None
    """Another release whose builder compiles for these kernels: one of `context.releases`, or one whose source has `builder`."""

    @property
    def source(self) -> "AptSource":
        """The suite as a source of its own."""
        plain = AptRepository.model_validate(self.model_dump(exclude={"builder"}))
        return AptSource(kind="apt", repositories=[plain])


class Source(Model):
    """The base of all kinds of sources."""

    end_of_life: date | None = None
    """The last day (YYYY-MM-DD) of the vendor's support."""


class ReleaseSource(Source):
    """The base of the sources of packages."""

    builder: Builder | None = None
    """The builder of a release that `invoke add-release` adds or `radar` names, with `{architecture}` and `{version}`."""


class AptSource(ReleaseSource):
    """The APT suites with the packages of one OS release."""

    kind: Literal["apt"]
    repositories: list[AptRepository] = Field(min_length=1)
    """The suites."""
    versions: Location | None = None
    """For a family: a page that names its releases, since an archive does not list them."""

    @property
    def suites(self) -> str:
        """The names of its suites, and of its flat archives, each once, joined by dashes."""
        return "-".join(dict.fromkeys(r.label if r.is_flat else r.suite for r in self.repositories))

    def lists(self, architecture: Architecture) -> str:
        """Return the name of the folder with its package lists, below apt/ in the cache."""
        plain = [repository.model_dump(mode="json", exclude_none=True) for repository in self.repositories]
        name = re.sub(r"[^\w.+~-]+", "_", self.suites)[:_LONGEST_NAME]
        return f"{name}-{architecture}-{short(digest_of(plain))}"


class SwiftSource(ReleaseSource):
    """Packages in an OpenStack Swift container."""

    kind: Literal["swift"]
    container: ContainerName
    """The name of the container."""
    prefix: str = ""
    """The beginning of the names of the .deb files."""
    mirror_of: AptSource | None = None
    """The APT archive that `invoke mirror` copies from."""


class DirectorySource(ReleaseSource):
    """Packages in a folder of .deb files."""

    kind: Literal["directory"]
    path: str = Field(min_length=1)
    """The folder. A relative path is below the checkout."""


# The kinds of package sources, told apart by `kind`.
PackageSource: TypeAlias = AptSource | SwiftSource | DirectorySource
