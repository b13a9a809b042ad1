"""A checkout, read: everything that decides what is built, and nothing of what has been built."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from lifecycle.model.component import Component, load_component
from lifecycle.model.digest import digest_of_files
from lifecycle.model.image_versions import RUNTIME, ImageVersions, load_image_versions
from lifecycle.model.lock import Lock
from lifecycle.model.matrix import Matrix, expand
from lifecycle.model.packages import PackageList, load_package_list
from lifecycle.model.patches import PatchSeries, load_patches
from lifecycle.model.recipes import FORMAT, RECIPES
from lifecycle.model.schema import Architecture
from lifecycle.model.signing import Signer, read_signer

COMPONENT = Path("component.yaml")
IMAGE_VERSIONS = Path("image_versions")
LOCK = Path("versions.lock")
PATCHES = Path("patches")

# The time that everything we make carries, in seconds since 1970: the start of 2024
# (reproducible-builds.org, SOURCE_DATE_EPOCH).
SOURCE_DATE_EPOCH = 1704067200


@dataclass(frozen=True, kw_only=True)
class Project:
    """The files of a checkout that decide what is built.

    `recipes` are the sha256 of RECIPES' files, by kind and path; `formats` are the format numbers, by kind.
    `signer` is who signs the modules; None where component.yaml has no `signing`.
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

    def matrix(self) -> Matrix:
        """The combinations, expanded once; raises what `expand` raises."""
        return self._matrix

    @cached_property
    def _matrix(self) -> Matrix:
        return expand(self.component, self.lock, self.series)

    def runtime_name(self, architecture: Architecture) -> str:
        """What the runtime base of an architecture is called: RUNTIME, and with its name where it is not the first."""
        return RUNTIME if architecture is self.component.context.architecture[0] else f"{RUNTIME}/{architecture}"

    def with_lock(self, lock: Lock) -> "Project":
        """The same checkout with another lock."""
        return replace(self, lock=lock)


def load_project(root: Path, environ: Mapping[str, str] = os.environ) -> Project:
    """Read a checkout, and of the environment what component.yaml names; raises ConfigurationError for what is wrong."""
    component = load_component(root / COMPONENT)
    signing = component.signing
    return Project(
        root=root,
        component=component,
        images=load_image_versions(root / IMAGE_VERSIONS),
        lock=Lock.load(root / LOCK),
        series=load_patches(root / PATCHES),
        builder_packages=load_package_list(root / "dockerfiles/builder/packages"),
        runtime_packages=load_package_list(root / "dockerfiles/installer/packages"),
        recipes={kind: digest_of_files(root, [root / path for path in paths]) for kind, paths in RECIPES.items()},
        formats=FORMAT,
        patch_digests=digest_of_files(root / PATCHES, [root / PATCHES]) if (root / PATCHES).is_dir() else {},
        signer=read_signer(root / COMPONENT, signing, environ) if signing else None,
    )
