"""The Debian packages of an image, from the records that dpkg, or our own base images, keep of them.

Sources: dpkg's status file and `info/*.list` (dpkg(1), "FILES"); the folder `status.d` of images without dpkg, as
GoogleContainerTools/distroless writes it and scanners read it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from debian.deb822 import Deb822

from lifecycle.attest.licences import NO_ASSERTION, licence_expression

OS_RELEASE = "usr/lib/os-release"
_DPKG = "var/lib/dpkg"
_SOURCE = re.compile(r"(\S+)(?:\s+\((\S+)\))?")
_OS_RELEASE_LINE = re.compile(r"^(ID|VERSION_ID)=\"?([^\"\n]*)\"?$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class DebianPackage:
    """An installed package: its source package, its licences as an SPDX expression, and the paths of its files in the image."""

    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    maintainer: str
    licence: str
    files: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A distribution as in os-release(5): `debian` and `12`."""

    name: str
    version: str

    def purl(self, package: DebianPackage) -> str:
        """Return the package URL of a package (purl specification, type `deb`)."""
        purl = deb_purl(self.name, package.name, package.version, package.architecture)
        return f"{purl}&distro={self.name}-{quote(self.version)}"


def deb_purl(vendor: str, name: str, version: str, architecture: str) -> str:
    """Return the package URL of a Debian package (purl specification, type `deb`); `vendor` is such as `debian`."""
    return f"pkg:deb/{quote(vendor)}/{quote(name)}@{quote(version, safe='~')}?arch={architecture}"


def is_package_record(path: str) -> bool:
    """Return whether `debian_packages` and `distribution_of` read a file of the image."""
    return (
        path == OS_RELEASE
        or path.startswith(f"{_DPKG}/")
        or (path.startswith("usr/share/doc/") and path.endswith("/copyright"))
    )


def distribution_of(texts: Mapping[str, str]) -> Distribution:
    """Return the distribution of an image, from its os-release file."""
    found = dict(_OS_RELEASE_LINE.findall(texts.get(OS_RELEASE, "")))
    return Distribution(name=found.get("ID", "debian"), version=found.get("VERSION_ID", ""))


def debian_packages(texts: Mapping[str, str], links: Mapping[str, str]) -> list[DebianPackage]:
    """Return the packages of an image by its records (path to text), sorted by name; `links` are its symbolic links."""
    found = [_package(stanza, texts, links) for stanza in _stanzas(texts)]
    return sorted(found, key=lambda package: package.name)


def _stanzas(texts: Mapping[str, str]) -> Iterator[Deb822]:
    """Yield the stanza of each installed package."""
    for path, text in sorted(texts.items()):
        if path == f"{_DPKG}/status":
            for stanza in Deb822.iter_paragraphs(text):
                if stanza.get("Status", "").endswith(" installed"):
                    yield stanza
        elif path.startswith(f"{_DPKG}/status.d/") and not path.endswith(".md5sums"):
            for stanza in Deb822.iter_paragraphs(text):
                yield stanza


def _package(stanza: Deb822, texts: Mapping[str, str], links: Mapping[str, str]) -> DebianPackage:
    name, version, architecture = stanza["Package"], stanza["Version"], stanza["Architecture"]
    source = _SOURCE.match(stanza.get("Source", name))
    copyright_file = f"usr/share/doc/{name}/copyright"
    own = [f"{_DPKG}/status.d/{name}", f"{_DPKG}/status.d/{name}.md5sums"]
    stems = (f"{_DPKG}/info/{name}", f"{_DPKG}/info/{name}:{architecture}")
    own += [path for path in texts if path.rpartition(".")[0] in stems]
    lists = [path for path in own if path.endswith((".list", ".md5sums")) and path in texts]
    listed = _listed(stanza, [texts[path] for path in lists])
    return DebianPackage(
        name=name,
        version=version,
        architecture=architecture,
        source=source[1] if source else name,
        source_version=(source and source[2]) or version,
        maintainer=stanza.get("Maintainer", ""),
        licence=licence_expression(texts[copyright_file]) if copyright_file in texts else NO_ASSERTION,
        files=frozenset(_real_path(path, links) for path in [*listed, *own, copyright_file]),
    )


def _listed(stanza: Deb822, records: Iterable[str]) -> Iterator[str]:
    """Yield the paths that a package's records name: lines of `path`, or of `md5sum  path`, and its configuration files."""
    for record in records:
        for line in record.splitlines():
            yield line.partition("  ")[2] or line
    for line in stanza.get("Conffiles", "").split("\n"):
        yield line.strip().partition(" ")[0]


def _real_path(path: str, links: Mapping[str, str]) -> str:
    """Return a path without the links of a merged /usr: `bin/bash` is `usr/bin/bash`."""
    path = path.strip("/")
    top, _, rest = path.partition("/")
    return f"{links[top].strip('/')}/{rest}" if rest and top in links else path
