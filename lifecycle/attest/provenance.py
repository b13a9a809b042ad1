"""The provenance of an image: what it was made of, and by whom.

Source: SLSA, "Provenance", v1.0. It says nothing about when the image was built: parts of it may come from the remote cache.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lifecycle.config.lock import LockedFile
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets

BUILD_TYPE = "urn:nvidia-installer:build:v1"
# The origins in versions.lock that are addresses themselves: https://…, swift:…, file:…
_ADDRESS = re.compile(r"[a-z]+:")


@dataclass(frozen=True, kw_only=True)
class Source:
    """The sources of the build: the repository's address ("" if it has none), the commit, and the files that declare what is built.

    `commit` is "" for a checkout with uncommitted changes. `files` are the sha256 (hex) of the files by name.
    """

    repository: str
    commit: str
    files: Mapping[str, str]


def provenance(
    project: LockedProject, combination: Combination, image_id: str, source: Source, builder: str
) -> dict[str, Any]:
    """Return the provenance predicate of a combination's image; `builder` is an address that stands for the builder."""
    target = Targets(project).image(combination)
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"combination": combination.id, "files": dict(sorted(source.files.items()))},
            "internalParameters": {"inputsDigest": target.digest, "imageId": image_id},
            "resolvedDependencies": list(_dependencies(project, combination, source)),
        },
        "runDetails": {"builder": {"id": builder, "version": {"nvidia-installer": project.component.version}}},
    }


def _dependencies(project: LockedProject, combination: Combination, source: Source) -> Iterator[dict[str, Any]]:
    if source.commit:
        address = f"git+{source.repository}@{source.commit}" if source.repository else f"git:{source.commit}"
        yield {"uri": address, "digest": {"gitCommit": source.commit}, "name": "source"}
    lock = project.lock
    for name in dict.fromkeys(
        (project.runtime_name(combination.architecture), Targets(project).builder(combination).name)
    ):
        base = lock.bases[name]
        if base.digest:
            reference = project.base_of(name).pinned(base.digest)
            yield {"uri": f"oci://{reference}", "digest": {"sha256": base.digest.removeprefix("sha256:")}, "name": name}
        yield from (_file(file, name) for file in base.packages)
    kernel, driver = lock.kernel_for(combination), lock.driver_for(combination)
    yield from (_file(file, "kernel headers") for file in kernel.headers)
    for module_type in combination.module_types:
        yield from (_file(file, f"{module_type} modules") for file in driver.modules[module_type])
    yield from (_file(file, "user space") for file in driver.userspace)
    for patch in combination.patches:
        for file, use in zip(patch.patch.files, ("patch", "probe of a patch"), strict=False):
            digest = {"sha256": project.patch_digests[file]}
            yield {"uri": f"file:patches/{quote(file)}", "digest": digest, "name": f"{patch.module_type} {use}"}


def _file(file: LockedFile, use: str) -> dict[str, Any]:
    """Return a locked file. A package of an APT archive has the archive's label in place of the mirror that it came from."""
    address = file.origin if _ADDRESS.match(file.origin) else f"apt:{quote(file.origin)}"
    return {"uri": address, "digest": {"sha256": file.sha256}, "name": f"{use}: {file.name}"}
