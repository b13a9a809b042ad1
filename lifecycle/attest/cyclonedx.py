"""The SBOM of an image as a CycloneDX document.

Source: CycloneDX specification 1.6 (ECMA-424), with its JSON schema.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from lifecycle.attest.inventory import ImageName, Patch, SoftwareComponent
from lifecycle.attest.licences import NO_ASSERTION
from lifecycle.tools.reproducible import created_text

_TYPES = {"firmware": "firmware", "driver": "device-driver", "unowned": "file"}


def cyclonedx_document(image: ImageName, components: Sequence[SoftwareComponent]) -> dict[str, Any]:
    """Return the CycloneDX document of an image. As in the SPDX document, files of Debian packages are not listed."""
    listed = [_component(component) for component in components]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, image.digest)}",
        "version": 1,
        "metadata": {
            "timestamp": created_text(),
            "tools": {"components": [{"type": "application", "name": "nvidia-installer"}]},
            "component": {
                "bom-ref": image.digest,
                "type": "container",
                "name": image.name,
                "version": image.digest,
                "hashes": _hashes(image.sha256),
            },
        },
        "components": listed,
        "dependencies": [{"ref": image.digest, "dependsOn": [component["bom-ref"] for component in listed]}],
    }


def _component(component: SoftwareComponent) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "bom-ref": component.key,
        "type": _TYPES.get(component.key.partition("-")[0], "library" if component.source else "application"),
        "name": component.name,
        "version": component.version,
    }
    if component.supplier:
        entry["supplier"] = {"name": component.supplier}
    if component.description:
        entry["description"] = component.description
    if component.licence != NO_ASSERTION:
        entry["licenses"] = [{"expression": component.licence}]
    if component.purl:
        entry["purl"] = component.purl
    if component.source:
        entry["properties"] = [{"name": "debian:source", "value": component.source}]
        entry["hashes"] = _hashes(*(file.sha256 for file in component.packages))
    else:
        entry["components"] = [_file(component, path, sha256) for path, sha256 in _listed(component).items()]
    if component.patches:
        entry["pedigree"] = {"patches": [_patch(patch) for patch in component.patches]}
    return entry


def _listed(component: SoftwareComponent) -> Mapping[str, str]:
    return {**component.files, **component.packed}


def _file(component: SoftwareComponent, path: str, sha256: str) -> dict[str, Any]:
    return {"bom-ref": f"{component.key}/{path}", "type": "file", "name": path, "hashes": _hashes(sha256)}


def _patch(patch: Patch) -> dict[str, Any]:
    resolved = {"type": "defect", "name": patch.file, "description": f"{patch.reason} (sha256 {patch.sha256})"}
    return {"type": "backport", "resolves": [resolved]}


def _hashes(*sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": value} for value in sha256]
