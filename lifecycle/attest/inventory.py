"""The software in an installer image, as components to which its files belong."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from lifecycle.attest.contents import ImageContents
from lifecycle.attest.licences import NO_ASSERTION, NVIDIA
from lifecycle.attest.packages import DebianPackage, Distribution, debian_packages, distribution_of
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.image import HOME
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination

MANIFEST = f"{HOME}/manifest.json"
NVIDIA_CORPORATION = "NVIDIA Corporation"
_FIRMWARE = "/firmware/"
# MODULE_LICENSE of the two module types: "Dual MIT/GPL" and "NVIDIA".
_MODULE_LICENCES = {ModuleType.OPEN: "MIT OR GPL-2.0-only", ModuleType.PROPRIETARY: NVIDIA}
# Files that mmdebstrap and scripts/base/trim write.
_GENERATED = ("etc/fstab", "etc/ld.so.cache")


@dataclass(frozen=True, kw_only=True)
class ImageName:
    """An image for people and for machines: its combination, its reference by digest, and the digest (`sha256:…`)."""

    combination: str
    reference: str
    digest: str

    @property
    def name(self) -> str:
        """The repository: `registry/repository`."""
        return self.reference.partition("@")[0]

    @property
    def sha256(self) -> str:
        """The digest as hex."""
        return self.digest.removeprefix("sha256:")


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A source patch that was applied to a component: its file, why, and the sha256 (hex) of its text."""

    file: str
    reason: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class SoftwareComponent:
    """A part of an image.

    `key` is unique in the image. `files` are the sha256 (hex) of its files by path, `packed` those of the files in its archive.
    `packages` are the locked files that it was made of. `source` is the name and version of a Debian source package.
    """

    key: str
    name: str
    version: str
    purl: str
    licence: str
    supplier: str
    description: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    packed: Mapping[str, str] = field(default_factory=dict)
    packages: Sequence[LockedFile] = ()
    patches: Sequence[Patch] = ()
    source: str = ""


def components_of(
    project: LockedProject, combination: Combination, contents: ImageContents
) -> tuple[SoftwareComponent, ...]:
    """Return the components of a combination's image. Each file of the image belongs to exactly one of them."""
    manifest = json.loads(contents.texts[MANIFEST])
    base = project.lock.bases[project.runtime_name(combination.architecture)]
    locked = {(file.name, file.version): file for file in base.packages}
    distribution = distribution_of(contents.texts)
    left = {path: file.sha256 for path, file in contents.files.items()}
    found = []
    for package in debian_packages(contents.texts, contents.links):
        own = {path: left.pop(path) for path in sorted(package.files) if path in left}
        found.append(_of_debian(package, distribution, locked.get((package.name, package.version)), own))
    found += _of_driver(project, combination, manifest, left)
    scripts = [path for path in sorted(left) if path in _GENERATED or path.startswith(f"{HOME}/")]
    found.append(_of_installer(project, {path: left.pop(path) for path in scripts}))
    if left:
        found.append(_unowned(dict(sorted(left.items()))))
    return tuple(found)


def _unowned(files: Mapping[str, str]) -> SoftwareComponent:
    """Return the component of the files that belong to no package: those of a base image that was pulled."""
    return SoftwareComponent(
        key="unowned",
        name="files-of-the-base-image",
        version="",
        purl="",
        licence=NO_ASSERTION,
        supplier="",
        description="Files of the base image that belong to no package",
        files=files,
    )


def _of_debian(
    package: DebianPackage, distribution: Distribution, locked: LockedFile | None, files: Mapping[str, str]
) -> SoftwareComponent:
    return SoftwareComponent(
        key=f"deb-{package.name}",
        name=package.name,
        version=package.version,
        purl=distribution.purl(package),
        licence=package.licence,
        supplier=package.maintainer,
        files=files,
        packages=[locked] if locked else [],
        source=f"{package.source} {package.source_version}",
    )


def _of_driver(
    project: LockedProject, combination: Combination, manifest: Mapping[str, Any], left: dict[str, str]
) -> Iterator[SoftwareComponent]:
    """Yield the components of the driver, and remove their archives from the files that are left."""
    locked, version = project.lock.driver_for(combination), combination.driver
    archive = f"{HOME}/userspace.tar.zst"
    userspace = _packed(manifest["userspace"])
    firmware = {path: digest for path, digest in userspace.items() if _FIRMWARE in f"/{path}"}
    yield SoftwareComponent(
        key="driver",
        name="nvidia-driver",
        version=version,
        purl=_purl("nvidia-driver", version),
        licence=NVIDIA,
        supplier=NVIDIA_CORPORATION,
        description="NVIDIA's driver: programs and libraries",
        files={archive: left.pop(archive)},
        packed={path: digest for path, digest in userspace.items() if path not in firmware},
        packages=locked.userspace,
    )
    yield SoftwareComponent(
        key="firmware",
        name="nvidia-gsp-firmware",
        version=version,
        purl=_purl("nvidia-gsp-firmware", version),
        licence=NVIDIA,
        supplier=NVIDIA_CORPORATION,
        description="Firmware of the GPU System Processor, in the archive of the user space",
        packed=firmware,
    )
    for module_type in combination.module_types:
        archive, name = f"{HOME}/modules-{module_type}.tar.zst", f"nvidia-kernel-modules-{module_type}"
        yield SoftwareComponent(
            key=f"modules-{module_type}",
            name=name,
            version=version,
            purl=f"{_purl(name, version)}?kernel={quote(combination.kernel)}",
            licence=_MODULE_LICENCES[module_type],
            supplier=NVIDIA_CORPORATION,
            description=f"NVIDIA's {module_type} kernel modules for kernel {combination.kernel}",
            files={archive: left.pop(archive)},
            packed=_packed(manifest["module_types"][str(module_type)]),
            packages=locked.modules[module_type],
            patches=[
                Patch(file=patch["file"], reason=patch["reason"], sha256=project.patch_digests[patch["file"]])
                for patch in manifest["module_types"][str(module_type)]["patches"]
            ],
        )


def _of_installer(project: LockedProject, files: Mapping[str, str]) -> SoftwareComponent:
    version = project.component.version
    return SoftwareComponent(
        key="installer",
        name="nvidia-installer",
        version=version,
        purl=_purl("nvidia-installer", version),
        licence="Apache-2.0",
        supplier=project.component.name,
        description="The scripts that install the driver on a node, and files that the build of the image wrote",
        files=files,
    )


def _packed(section: Mapping[str, Any]) -> dict[str, str]:
    """Return the sha256 of the regular files of an archive, by path, from its section in the manifest."""
    return {path: digest for path, digest in sorted(section["files"].items()) if not digest.startswith("->")}


def _purl(name: str, version: str) -> str:
    return f"pkg:generic/{name}@{quote(version)}"
