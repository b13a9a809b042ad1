"""image_versions: the base images of the Dockerfiles, one NAME=reference per line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lifecycle.config.references import BOOTSTRAP, is_base
from lifecycle.config.schema import shown
from lifecycle.config.validation import read_text
from lifecycle.errors import ConfigurationError

RUNTIME = "RUNTIME"

_LINE = re.compile(r"([A-Z][A-Z0-9_]*)=(\S+)")


def builder_name(release: str) -> str:
    """Return the name of a release's builder: `BUILDER_DEBIAN_12` for `debian-12`."""
    return "BUILDER_" + re.sub(r"[^A-Z0-9]", "_", release.upper())


def builder_title(release: str) -> str:
    """Return the short name of a release's builder, for its image and its log: `debian_12` for `debian-12`."""
    return builder_name(release).removeprefix("BUILDER_").lower()


@dataclass(frozen=True, kw_only=True)
class Base:
    """A base image: a reference to pull, or `bootstrap:RELEASE`, which is bootstrapped from that release's packages."""

    name: str
    reference: str

    @property
    def release(self) -> str | None:
        """The entry of sources.releases to bootstrap from; None for a base that is pulled."""
        return self.reference.removeprefix(BOOTSTRAP) if self.reference.startswith(BOOTSTRAP) else None

    def pinned(self, digest: str) -> str:
        """Return the reference with a digest in place of its tag: `registry/name@sha256:…` for `registry/name:tag`."""
        name = self.reference.partition("@")[0]
        folder, slash, last = name.rpartition("/")
        return f"{folder}{slash}{last.partition(':')[0]}@{digest}"


@dataclass(frozen=True)
class ImageVersions:
    """All base images by name, in the order of the file."""

    file: str
    bases: Mapping[str, Base]

    def runtime(self) -> Base:
        """Return the base of the installer image. Raises ConfigurationError if the file has none."""
        return self._get(RUNTIME, "the installer image")

    def builder(self, release: str) -> Base:
        """Return the base in which a release's modules are compiled. Raises ConfigurationError if the file has none."""
        return self._get(builder_name(release), f"the builder of {release}")

    def _get(self, name: str, purpose: str) -> Base:
        if name not in self.bases:
            raise ConfigurationError([f"{self.file}: {name} is missing: add the line {name}=<reference> for {purpose}"])
        return self.bases[name]


def load_image_versions(path: Path) -> ImageVersions:
    """Read image_versions. Raises ConfigurationError with every malformed line."""
    return parse_image_versions(read_text(path), file=path.name)


def parse_image_versions(text: str, *, file: str) -> ImageVersions:
    """Parse the text of image_versions. Raises ConfigurationError with every malformed line."""
    bases: dict[str, Base] = {}
    problems = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if not match:
            problems.append(
                f"{file}:{number}: {shown(line)} is not NAME=reference: write, for example, {RUNTIME}=bootstrap:debian-13"
            )
        elif match[1] in bases:
            problems.append(f"{file}:{number}: duplicate {match[1]}: remove one of the lines")
        elif not is_base(match[2]):
            problems.append(
                f"{file}:{number}: {shown(match[2])} is not an image reference: write registry/name:tag or bootstrap:RELEASE"
            )
        else:
            bases[match[1]] = Base(name=match[1], reference=match[2])
    if not bases and not problems:
        problems.append(f"{file}: the file names no image: restore it from git")
    if problems:
        raise ConfigurationError(problems)
    return ImageVersions(file, bases)
