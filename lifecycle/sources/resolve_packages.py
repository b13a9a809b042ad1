"""From a declaration to exact packages: which kernel, which driver version, which files."""

import re
from collections.abc import Sequence

from debian.debian_support import Version

from lifecycle.config.component import NEWEST, Release
from lifecycle.config.lock import LockedDriver, LockedKernel
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.sources import Packages
from lifecycle.config.versions import driver_branch, linux_version
from lifecycle.sources.package_index import PackageIndex, PackageNotFoundError

# What the headers package needs at compile time; the compiler it also depends on is the builder's.
_HEADER_PARTS = re.compile(r"linux-(headers|kbuild)-")
_TOOLS = re.compile(r"linux-kbuild-")


def resolve_kernel(
    release: Release,
    architecture: Architecture,
    packages: Packages,
    index: PackageIndex,
    declaration: str,
    *,
    tools: PackageIndex | None = None,
) -> LockedKernel:
    """The kernel that a release means, the files of its headers and the kernel itself; raises PackageLackingError.

    `tools` is the index of the architecture that compiles, where that is another: the programs of kbuild have to run there.
    """
    pattern = _pattern(packages.headers)
    headers = packages.headers.format(kernel=release.kernel)
    if release.kernel == NEWEST:
        headers = _newest_headers(release, architecture, packages, index)
    version = _newest(index, headers)
    parts = [part for part in index.depends(headers, version) if _HEADER_PARTS.match(part)]
    wanted = [(part, tools if tools and _TOOLS.match(part) else index) for part in parts]
    kernel = pattern.sub(r"\1", headers)
    image = packages.kernel_image.format(kernel=kernel)
    return LockedKernel(
        declaration=declaration,
        release=kernel,
        version=linux_version(version),
        headers=[
            *index.locate([(headers, version)]),
            *(file for part, of in wanted for file in of.locate([(part, _newest(of, part, like=version))])),
        ],
        image=index.locate([(image, _of_version(index, image, version))]),
    )


def newest_kernel(
    release: Release, architecture: Architecture, packages: Packages, index: PackageIndex
) -> tuple[str, str]:
    """The newest kernel of a release's flavour that the source offers: its release, and the version of its headers package."""
    headers = _newest_headers(release, architecture, packages, index)
    return _pattern(packages.headers).sub(r"\1", headers), _newest(index, headers)


def driver_versions(packages: Packages, index: PackageIndex) -> list[str]:
    """All driver versions that the source offers, newest first."""
    package = packages.modules.get(ModuleType.PROPRIETARY) or next(iter(packages.modules.values()))
    return list(dict.fromkeys(_upstream(version) for version in index.versions(package)))


def _newest_headers(release: Release, architecture: Architecture, packages: Packages, index: PackageIndex) -> str:
    """The headers package that the metapackage of a flavour's newest kernel depends on; without one, that of the newest."""
    pattern = _pattern(packages.headers)
    meta = packages.newest_headers.format(flavour=release.kernel_flavour, architecture=architecture)
    if index.versions(meta):
        offered = index.depends(meta, _newest(index, meta))
        found = [name for name in offered if pattern.fullmatch(name)]
    else:
        offered = index.names(packages.headers.partition("{")[0])
        of_flavour = re.compile(rf"\d.*-{re.escape(release.kernel_flavour)}-{re.escape(architecture)}")
        matching = [name for name in offered if (m := pattern.fullmatch(name)) and of_flavour.fullmatch(m[1])]
        found = sorted(matching, key=lambda name: Version(_newest(index, name)), reverse=True)
    if not found:
        raise PackageNotFoundError(meta, "", index.name, offered)
    return found[0]


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.escape(template).replace(re.escape("{kernel}"), "(.+)"))


def _newest(index: PackageIndex, package: str, like: str = "") -> str:
    """The newest version of a package, or `like` itself where there is one of that version."""
    versions = index.versions(package)
    if not versions:
        raise PackageNotFoundError(package, "", index.name, [])
    return like if like in versions else versions[0]


def _of_version(index: PackageIndex, package: str, version: str) -> str:
    """The version itself; another one's kernel could differ in what the headers promise."""
    versions = index.versions(package)
    if version not in versions:
        raise PackageNotFoundError(package, version, index.name, versions)
    return version


def resolve_driver(
    declared: str, module_types: Sequence[ModuleType], packages: Packages, index: PackageIndex, declaration: str
) -> LockedDriver:
    """The driver version that `535` (a branch: its newest) or `535.309.01` (itself) means, and its files.

    A module type that the source lacks is left out; raises PackageLackingError where it lacks anything else.
    """
    version = _driver_version(declared, packages, index)
    modules = {}
    for module_type in module_types:
        package = packages.modules.get(module_type)
        found = _of_upstream(index, package, version) if package else None
        if package and found:
            modules[module_type] = index.locate([(package, found)])
    userspace = [(package, _required(index, package, version)) for package in packages.userspace]
    companions = [
        (package, _of_upstream(index, package, version) or _newest(index, package)) for package in packages.companions
    ]
    return LockedDriver(
        declaration=declaration,
        version=version,
        modules=modules,
        userspace=sorted(index.locate([*userspace, *companions]), key=lambda file: file.name),
    )


def _driver_version(declared: str, packages: Packages, index: PackageIndex) -> str:
    offered = driver_versions(packages, index)
    matching = [v for v in offered if declared in (v, driver_branch(v))]
    if not matching:
        raise PackageNotFoundError("the driver", declared, index.name, offered)
    return matching[0]


def _upstream(version: str) -> str:
    return str(Version(version).upstream_version)


def _of_upstream(index: PackageIndex, package: str, upstream: str) -> str | None:
    return next((v for v in index.versions(package) if _upstream(v) == upstream), None)


def _required(index: PackageIndex, package: str, upstream: str) -> str:
    found = _of_upstream(index, package, upstream)
    if not found:
        raise PackageNotFoundError(package, upstream, index.name, index.versions(package))
    return found
