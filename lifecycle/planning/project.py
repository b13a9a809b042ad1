"""The files of a checkout that decide what is built. Nothing here depends on earlier builds."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lifecycle.config.component import Component, load_component
from lifecycle.config.image_versions import RUNTIME, Base, ImageVersions, load_image_versions
from lifecycle.config.lock import Lock
from lifecycle.config.patches import PatchSeries, load_patches
from lifecycle.config.schema import Architecture
from lifecycle.config.security import Signer, read_signer
from lifecycle.config.sources.packages import PackageList, load_package_list
from lifecycle.planning.recipes import FORMAT, RECIPES
from lifecycle.tools.digest import digest_of_files, sha256_of

COMPONENT = Path("component.yaml")
IMAGE_VERSIONS = Path("image_versions")
LOCK = Path("versions.lock")
PATCHES = Path("patches")


@dataclass(frozen=True, kw_only=True)
class Project:
    """The files of a checkout that decide what is built.

    `recipes` has the mode and sha256 of RECIPES' files by kind and path; `formats` has the format numbers by kind;
    `patch_digests` has the sha256 of each patch and probe by its file. `signer` is None unless component.yaml declares `signing`.
    """

    root: Path
    component: Component
    images: ImageVersions
    lock: Lock
    series: PatchSeries
    builder_packages: PackageList
    runtime_packages: PackageList
    recipes: Mapping[str, Mapping[str, str]]
    formats: Mapping[str, int]
    patch_digests: Mapping[str, str]
    signer: Signer | None = None

    @property
    def build_architecture(self) -> Architecture:
        """The architecture of the builders: the first declared one."""
        return self.component.context.architecture[0]

    def runtime_name(self, architecture: Architecture) -> str:
        """Return the key of a runtime base in versions.lock: RUNTIME, or RUNTIME/arm64 if it is not the first architecture."""
        return RUNTIME if architecture is self.build_architecture else f"{RUNTIME}/{architecture}"

    def base_of(self, name: str) -> Base:
        """Return the declared base for a key of versions.lock. Raises KeyError."""
        return self.images.bases[RUNTIME if name in self._runtimes else name]

    def base_architecture(self, name: str) -> Architecture:
        """Return the architecture of a base, by its key in versions.lock."""
        return self._runtimes.get(name, self.build_architecture)

    @property
    def _runtimes(self) -> Mapping[str, Architecture]:
        return {self.runtime_name(architecture): architecture for architecture in self.component.context.architecture}


def load_project(root: Path, environ: Mapping[str, str] = os.environ) -> Project:
    """Read a checkout, and the environment variables that component.yaml names. Raises ConfigurationError."""
    component = load_component(root / COMPONENT)
    signing = component.signing
    series = load_patches(root / PATCHES)
    return Project(
        root=root,
        component=component,
        images=load_image_versions(root / IMAGE_VERSIONS),
        lock=Lock.load(root / LOCK),
        series=series,
        builder_packages=load_package_list(root / "dockerfiles/builder/packages"),
        runtime_packages=load_package_list(root / "dockerfiles/installer/packages"),
        recipes={kind: digest_of_files(root, [root / path for path in paths]) for kind, paths in RECIPES.items()},
        formats=FORMAT,
        patch_digests={name: sha256_of(root / PATCHES / name) for patch in series.patches for name in patch.files},
        signer=read_signer(root / COMPONENT, signing, environ) if signing else None,
    )
