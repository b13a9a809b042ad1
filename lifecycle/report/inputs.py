"""The locked inputs of the combinations: kernels, drivers and bases, each once, with all of their files. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lifecycle.attest.packages import deb_purl
from lifecycle.config.lock import LockedFile, driver_key, kernel_key
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from lifecycle.versions.edits import family_of

_DEB = re.compile(r"_(?P<architecture>[a-z0-9]+)\.deb$")
_NOT_IN_AN_ANCHOR = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, kw_only=True)
class InputFile:
    """A locked file. `purl` is its package URL, "" if it is no package; `address` is its own address if the origin is one."""

    name: str
    version: str
    use: str
    size: int
    sha256: str
    origin: str
    purl: str
    address: str


@dataclass(frozen=True, kw_only=True)
class InputGroup:
    """The files of a kernel, a driver or a base. A pulled base has its `digest`. `users` is the number of combinations."""

    anchor: str
    title: str
    files: tuple[InputFile, ...]
    digest: str
    users: int

    @property
    def is_base(self) -> bool:
        """True for a base image, whose packages are many."""
        return self.anchor.startswith("base-")

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, kw_only=True)
class InputLink:
    """A link to a group of inputs."""

    anchor: str
    title: str


def links_of(project: LockedProject, c: Combination) -> tuple[InputLink, ...]:
    """Return the links to the inputs of a combination."""
    kernel, driver = kernel_key(c.release, c.architecture), driver_key(c.declared_driver, c.architecture)
    bases = dict.fromkeys((Targets(project).builder(c).name, project.runtime_name(c.architecture)))
    return (
        InputLink(anchor=_anchor("kernel", kernel), title=f"kernel {c.kernel}, of {kernel}"),
        InputLink(anchor=_anchor("driver", driver), title=f"driver {c.driver}, {c.architecture}"),
        *(InputLink(anchor=_anchor("base", name), title=f"base {name}") for name in bases),
    )


def input_groups(project: LockedProject, combinations: Iterable[Combination]) -> list[InputGroup]:
    """Return the groups of all inputs of combinations: kernels first, then drivers, then bases."""
    users: dict[str, list[Combination]] = {}
    titles: dict[str, str] = {}
    for combination in combinations:
        for link in links_of(project, combination):
            users.setdefault(link.anchor, []).append(combination)
            titles[link.anchor] = link.title
    groups = [_group(project, anchor, titles[anchor], of) for anchor, of in users.items()]
    order = ("kernel", "driver", "base")
    return sorted(groups, key=lambda group: order.index(group.anchor.partition("-")[0]))


def _group(project: LockedProject, anchor: str, title: str, users: list[Combination]) -> InputGroup:
    kind, first = anchor.partition("-")[0], users[0]
    if kind == "base":
        name = title.removeprefix("base ")
        base = project.lock.bases[name]
        listed, digest = [(file, "package") for file in base.packages], base.digest or ""
    else:
        listed, digest = list(_kernel(project, first) if kind == "kernel" else _driver(project, first)), ""
    vendor = family_of(first.release)
    return InputGroup(
        anchor=anchor,
        title=title,
        files=tuple(_file(file, use, vendor) for file, use in listed),
        digest=digest,
        users=len(users),
    )


def _kernel(project: LockedProject, c: Combination) -> Iterator[tuple[LockedFile, str]]:
    kernel = project.lock.kernel_for(c)
    yield from ((file, "headers") for file in kernel.headers)
    yield from ((file, "kernel, which tests boot") for file in kernel.image)


def _driver(project: LockedProject, c: Combination) -> Iterator[tuple[LockedFile, str]]:
    driver = project.lock.driver_for(c)
    for module_type, files in driver.modules.items():
        yield from ((file, f"{module_type} modules") for file in files)
    yield from ((file, "user space") for file in driver.userspace)


def _file(file: LockedFile, use: str, vendor: str) -> InputFile:
    is_address = file.origin.startswith(("https://", "http://"))
    deb = _DEB.search(file.file_name)
    # The label of an archive starts with its vendor: Debian, Debian-Security.
    namespace = vendor if ":" in file.origin else file.origin.partition("/")[0].partition("-")[0].lower()
    return InputFile(
        name=file.name,
        version=file.version,
        use=use,
        size=file.size,
        sha256=file.sha256,
        origin=file.origin,
        purl=deb_purl(namespace, file.name, file.version, deb["architecture"]) if deb else "",
        address=file.origin if is_address else "",
    )


def _anchor(kind: str, name: str) -> str:
    return f"{kind}-{_NOT_IN_AN_ANCHOR.sub('-', name)}"
