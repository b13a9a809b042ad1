"""The resolution of kernels and drivers into exact packages."""

import re
from collections.abc import Sequence

from debian.debian_support import Version

from lifecycle.config.component import NEWEST, Release
from lifecycle.config.lock import LockedDriver, LockedFile, LockedKernel
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.sources.section import Packages
from lifecycle.config.versions import driver_branch, linux_version
from lifecycle.sources.package_index import PackageIndex, PackageNotFoundError

# The dependencies that a compile needs; the headers package also depends on a compiler, which the builder has.
_COMPILE_DEPENDENCIES = re.compile(r"linux-(headers|kbuild)-")
_KBUILD = re.compile(r"linux-kbuild-")


def resolve_kernel(
    release: Release,
    architecture: Architecture,
    packages: Packages,
    index: PackageIndex,
    declaration: str,
    *,
    native: PackageIndex | None = None,
    with_image: bool = True,
) -> LockedKernel:
    """Return the kernel of a release, with the files of its headers and its image. Raises PackageNotFoundError.

    A source without any kernel image has headers only, and so has the result without `with_image`. `native` is the index of the
    compiling machine's architecture, if that differs: the programs of kbuild run there.
    """
    pattern = _pattern(packages.headers)
    headers = packages.headers.format(kernel=release.kernel)
    if release.kernel == NEWEST:
        headers = _newest_headers(release, architecture, packages, index)
    version = _newest(index, headers)
    parts = [part for part in index.depends(headers, version) if _COMPILE_DEPENDENCIES.match(part)]
    located = [(part, native if native and _KBUILD.match(part) else index) for part in parts]
    kernel = pattern.sub(r"\1", headers)
    return LockedKernel(
        declaration=declaration,
        release=kernel,
        version=linux_version(version),
        headers=[
            *index.locate([(headers, version)]),
            *(
                file
                for part, source in located
                for file in source.locate([(part, _newest(source, part, preferred=version))])
            ),
        ],
        image=_kernel_image(kernel, version, packages, index) if with_image else [],
    )


def _kernel_image(kernel: str, version: str, packages: Packages, index: PackageIndex) -> list[LockedFile]:
    """Return the packages of a kernel: its image, and the parts of the same kernel that this depends on.

    Since Linux 7, Debian's linux-image-<kernel> is empty and depends on linux-binary-<kernel> and linux-modules-<kernel>. An
    archive with other images has this one too, at the latest some hours later.
    """
    template = packages.kernel_image
    if not any(map(_pattern(template).fullmatch, index.names(template.partition("{")[0]))):
        return []
    image = template.format(kernel=kernel)
    exact = _require_version(index, image, version)
    parts = [name for name in index.depends(image, exact) if name.endswith(f"-{kernel}")]
    return index.locate([(name, _require_version(index, name, exact)) for name in (image, *parts)])


def newest_kernel(
    release: Release, architecture: Architecture, packages: Packages, index: PackageIndex
) -> tuple[str, str]:
    """Return the newest kernel of a release's flavour: its `uname -r`, and the version of its headers package.

    Raises PackageNotFoundError.
    """
    headers = _newest_headers(release, architecture, packages, index)
    return _pattern(packages.headers).sub(r"\1", headers), _newest(index, headers)


def kernels_of(release: Release, architecture: Architecture, packages: Packages, index: PackageIndex) -> dict[str, str]:
    """Return the version of the headers package of each kernel (`uname -r`) of a release's flavour, oldest first."""
    pattern = _pattern(packages.headers)
    versions = {name: _newest(index, name) for name in _headers_of_flavour(release, architecture, packages, index)}
    return {pattern.sub(r"\1", name): versions[name] for name in sorted(versions, key=lambda n: Version(versions[n]))}


def driver_versions(packages: Packages, index: PackageIndex) -> list[str]:
    """Return all driver versions in an index, newest first."""
    package = packages.modules.get(ModuleType.PROPRIETARY) or next(iter(packages.modules.values()))
    return list(dict.fromkeys(_upstream(version) for version in index.versions(package)))


def _newest_headers(release: Release, architecture: Architecture, packages: Packages, index: PackageIndex) -> str:
    """Return the newest headers package of a flavour: the metapackage's dependency, or else the one of the newest version."""
    pattern = _pattern(packages.headers)
    meta = packages.newest_headers.format(flavour=release.kernel_flavour, architecture=architecture)
    if index.versions(meta):
        offered = index.depends(meta, _newest(index, meta))
        found = [name for name in offered if pattern.fullmatch(name)]
    else:
        offered = index.names(packages.headers.partition("{")[0])
        matching = _headers_of_flavour(release, architecture, packages, index)
        found = sorted(matching, key=lambda name: Version(_newest(index, name)), reverse=True)
    if not found:
        raise PackageNotFoundError(meta, "", index.name, offered)
    return found[0]


def _headers_of_flavour(
    release: Release, architecture: Architecture, packages: Packages, index: PackageIndex
) -> list[str]:
    pattern = _pattern(packages.headers)
    of_flavour = re.compile(rf"\d.*-{re.escape(release.kernel_flavour)}-{re.escape(architecture)}")
    offered = index.names(packages.headers.partition("{")[0])
    return [name for name in offered if (m := pattern.fullmatch(name)) and of_flavour.fullmatch(m[1])]


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.escape(template).replace(re.escape("{kernel}"), "(.+)"))


def _newest(index: PackageIndex, package: str, preferred: str = "") -> str:
    """Return the preferred version of a package if the index has it, or else the newest. Raises PackageNotFoundError."""
    versions = index.versions(package)
    if not versions:
        raise PackageNotFoundError(package, "", index.name, [])
    return preferred if preferred in versions else versions[0]


def _require_version(index: PackageIndex, package: str, version: str) -> str:
    """Return the version if the index has it. A kernel image of another version may not match its headers."""
    versions = index.versions(package)
    if version not in versions:
        raise PackageNotFoundError(package, version, index.name, versions)
    return version


def resolve_driver(
    declared: str, module_types: Sequence[ModuleType], packages: Packages, index: PackageIndex, declaration: str
) -> LockedDriver:
    """Return the driver of a declared branch (`535`: its newest version) or version (`535.309.01`), with its files.

    A module type that the index lacks is left out. Raises PackageNotFoundError if it lacks anything else.
    """
    version = _driver_version(declared, packages, index)
    modules = {}
    for module_type in module_types:
        package = packages.modules.get(module_type)
        found = _find_upstream(index, package, version) if package else None
        if package and found:
            modules[module_type] = index.locate([(package, found)])
    userspace = [(package, _require_upstream(index, package, version)) for package in packages.userspace]
    companions = [
        (package, _find_upstream(index, package, version) or _newest(index, package)) for package in packages.companions
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


def _find_upstream(index: PackageIndex, package: str, upstream: str) -> str | None:
    return next((v for v in index.versions(package) if _upstream(v) == upstream), None)


def _require_upstream(index: PackageIndex, package: str, upstream: str) -> str:
    found = _find_upstream(index, package, upstream)
    if not found:
        raise PackageNotFoundError(package, upstream, index.name, index.versions(package))
    return found
