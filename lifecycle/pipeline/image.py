"""image: the installer image of a combination, of archives and scripts on the runtime base."""

import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import Archive
from lifecycle.config.component import Component
from lifecycle.config.schema import ModuleType
from lifecycle.errors import writing
from lifecycle.pipeline.image_archive import Layer, layered_image
from lifecycle.pipeline.saved_images import SavedImages
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import is_newest_of_branch, references, tag_of
from lifecycle.planning.targets import Targets
from lifecycle.tools.archive import write_members
from lifecycle.tools.engine.engine import Engine, LocalImage
from lifecycle.tools.engine.errors import EngineRefusedError
from lifecycle.tools.labels import (
    LABEL_COMBINATION,
    LABEL_COMPONENT,
    LABEL_DIGEST,
    LABEL_DRIVER,
    LABEL_KERNEL,
    LABEL_MODULE_TYPES,
    LABEL_OS,
    LABEL_VERMAGIC,
)
from lifecycle.tools.threads import KeyedLocks

HOME = "opt/nvidia-installer"
SETTINGS = "dockerfiles/installer/config.json"
_COMMANDS = (f"{HOME}/bin/nvidia-installer", f"{HOME}/bin/nvidia-driver")
# Characters outside the values that scripts/node/lib/core/manifest.sh accepts.
_NOT_IN_A_VALUE = re.compile(r"[^A-Za-z0-9._+~:@/ -]")


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The archives that an image is made of."""

    userspace: Archive
    modules: Mapping[ModuleType, Archive]


# ----- pure


def vermagic_of(contents: Contents) -> str:
    """Return the vermagic that all modules share."""
    found = {str(module["vermagic"]) for archive in contents.modules.values() for module in archive.modules.values()}
    return " / ".join(sorted(found))


def signer_of(contents: Contents) -> tuple[str, str] | None:
    """Return the name of the modules' signer and the certificate's fingerprint. None for unsigned modules."""
    for archive in contents.modules.values():
        for module in archive.modules.values():
            signature = module.get("signature")
            if isinstance(signature, Mapping):
                return str(signature["signer"]), str(signature["fingerprint"])
    return None


def base_labels(project: LockedProject, combination: Combination) -> dict[str, str]:
    """Return the labels that name the base image, if it was pulled: a bootstrapped one is in no registry."""
    name = project.runtime_name(combination.architecture)
    digest = project.lock.bases[name].digest
    if not digest:
        return {}
    return {
        "org.opencontainers.image.base.name": project.base_of(name).reference,
        "org.opencontainers.image.base.digest": digest,
    }


def labels_of(component: Component, combination: Combination, digest: str, contents: Contents) -> dict[str, str]:
    """Return the image's labels: those of the OCI image specification ("Annotations"), and the combination's.

    `version` is, by the specification, that of the packaged software: the driver.
    """
    source = component.image.source
    return {
        **({"org.opencontainers.image.source": source} if source else {}),
        "org.opencontainers.image.title": "nvidia-installer",
        "org.opencontainers.image.description": f"NVIDIA driver {combination.driver} for kernel {combination.kernel}",
        "org.opencontainers.image.version": combination.driver,
        "org.opencontainers.image.vendor": component.name,
        "org.opencontainers.image.licenses": "Apache-2.0 AND LicenseRef-NVIDIA-Driver",
        LABEL_COMPONENT: component.name,
        LABEL_DIGEST: digest,
        LABEL_COMBINATION: combination.id,
        LABEL_KERNEL: combination.kernel,
        LABEL_DRIVER: combination.driver,
        LABEL_OS: combination.release,
        LABEL_MODULE_TYPES: " ".join(combination.module_types),
        LABEL_VERMAGIC: vermagic_of(contents),
    }


def installer_manifest(
    component: Component, combination: Combination, digest: str, contents: Contents, tag: str
) -> dict[str, object]:
    """Return the content of /opt/nvidia-installer/manifest.json: everything that a check of the image needs."""
    signer = signer_of(contents)
    return {
        "name": component.name,
        "combination": combination.id,
        "os_release": combination.release,
        "kernel_release": combination.kernel,
        "driver_version": combination.driver,
        "architecture": str(combination.architecture),
        "vermagic": vermagic_of(contents),
        "image_tag": tag,
        "inputs_digest": digest,
        **({"signer": {"name": signer[0], "fingerprint": signer[1]}} if signer else {}),
        "module_types": {
            str(module_type): {
                "modules": archive.modules,
                "patches": [
                    {"file": p.patch.file, "reason": p.patch.reason}
                    for p in combination.patches
                    if p.module_type is module_type and archive.has_patch(p.patch.file)
                ],
                "files": archive.contents,
                "modes": archive.modes,
            }
            for module_type, archive in contents.modules.items()
        },
        "userspace": {"files": contents.userspace.contents, "modes": contents.userspace.modes},
    }


def parameter_files(component: Component) -> dict[str, str]:
    """Return the modules' default parameters for the node's scripts: `<module>.conf` with one `name=value` per line."""
    return {
        f"{module}.conf": "".join(f"{name}={value}\n" for name, value in parameters.items())
        for module, parameters in component.module_parameters.items()
    }


def environment_file(combination: Combination, contents: Contents, tag: str) -> str:
    """Return the manifest in brief as KEY=VALUE lines, for the node's scripts, which have no JSON parser."""
    signer = signer_of(contents)
    values = {
        "DRIVER_VERSION": combination.driver,
        "KERNEL_RELEASE": combination.kernel,
        "ARCHITECTURE": str(combination.architecture),
        "OS_RELEASE": combination.release,
        "MODULE_TYPES": " ".join(combination.module_types),
        "IMAGE_TAG": tag,
        **({"SIGNER": _NOT_IN_A_VALUE.sub("_", signer[0])} if signer else {}),
        **{
            f"UNPACKED_BYTES_{module_type.upper()}": str(contents.userspace.unpacked_bytes + archive.unpacked_bytes)
            for module_type, archive in contents.modules.items()
        },
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def supported_gpus_file(contents: Contents) -> dict[str, bytes]:
    """Return the driver's own list of GPUs for the node's scripts, by its path; nothing if the driver has none."""
    lines = contents.userspace.supported_gpus
    return {f"{HOME}/supported-gpus.txt": "".join(f"{line}\n" for line in lines).encode()} if lines else {}


# ----- effects


class ImageBuilder:
    """The builder of installer images for a container engine. Its temporary files are below the folder `scratch`."""

    def __init__(self, targets: Targets, cache: Cache, engine: Engine, scratch: Path) -> None:
        self._targets, self._cache, self._engine = targets, cache, engine
        self._bases = SavedImages(engine, scratch)
        self._drivers = KeyedLocks()

    def build(self, combination: Combination, contents: Contents, base: str) -> LocalImage:
        """Build and tag the image of a combination on a base image. Raises UnreadableImageError and the errors of the engine."""
        component, target = self._targets.project.component, self._targets.image(combination)
        reference, moving = references(component.image, combination)
        labels = labels_of(component, combination, target.digest, contents)
        labels |= base_labels(self._targets.project, combination)
        below = self._bases.archive(base)
        with self._cache.scratch("image") as folder:
            layers = self._layers(folder, combination, target.digest, contents)
            layered_image(below, folder / "image.tar", reference, self._settings(), labels, layers)
            # The engine would unpack the user space for each image of a driver that is loaded at the same time.
            with self._drivers.lock(str(contents.userspace.path)):
                self._engine.load(folder / "image.tar")
        image = self._engine.image(reference)
        if image is None:
            raise EngineRefusedError(f"load {reference}", "it reported no error and has no such image")
        if is_newest_of_branch(combination, self._targets.project.matrix.combinations):
            self._engine.tag(image.id, moving)
        self._cache.remember(target.kind, target.name, target.inputs)
        return image

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = json.loads((self._targets.project.root / SETTINGS).read_bytes())
        return settings

    def _layers(self, folder: Path, combination: Combination, digest: str, contents: Contents) -> list[Layer]:
        """Write the layers, of which the last ones change most, so that the images of a driver share its user space."""
        layers: dict[str, dict[str, bytes | Path]] = {
            "userspace": {f"{HOME}/userspace.tar.zst": contents.userspace.path},
            "modules": {f"{HOME}/modules-{t}.tar.zst": archive.path for t, archive in contents.modules.items()},
            "scripts": self._scripts(combination, digest, contents),
        }
        for name, files in layers.items():
            with writing(folder / name), tarfile.open(folder / name, mode="w") as tar:
                write_members(tar, files, executables=_COMMANDS)
        return [Layer(tar=folder / name, created_by=name) for name in layers]

    def _scripts(self, combination: Combination, digest: str, contents: Contents) -> dict[str, bytes | Path]:
        root, component = self._targets.project.root, self._targets.project.component
        tag = tag_of(combination.driver, combination)
        manifest = installer_manifest(component, combination, digest, contents, tag)
        lib = root / "scripts/node/lib"
        return {
            f"{HOME}/manifest.json": (json.dumps(manifest, indent=1) + "\n").encode(),
            f"{HOME}/manifest.env": environment_file(combination, contents, tag).encode(),
            **supported_gpus_file(contents),
            **{path: root / "scripts/node" / Path(path).name for path in _COMMANDS},
            **{f"{HOME}/lib/{script.relative_to(lib).as_posix()}": script for script in sorted(lib.rglob("*.sh"))},
            **{f"{HOME}/parameters/{name}": text.encode() for name, text in parameter_files(component).items()},
        }
