"""The SBOM of an image as an SPDX document.

Source: SPDX specification 2.3, with its JSON schema.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lifecycle.attest.inventory import ImageName, SoftwareComponent
from lifecycle.attest.licences import NO_ASSERTION
from lifecycle.tools.reproducible import created_text

_IMAGE = "SPDXRef-Image"
_REFERENCE = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
_TEXTS = {"LicenseRef-NVIDIA-Driver": "License For Customer Use of NVIDIA Software (LICENSE in NVIDIA's driver)."}


def spdx_document(image: ImageName, components: Sequence[SoftwareComponent]) -> dict[str, Any]:
    """Return the SPDX document of an image.

    The files of Debian packages are not listed: the sha256 of the package stands for them, and /var/lib/dpkg/status.d in the image
    lists them. The time is fixed, so that an image has one document.
    """
    packages = [_package(component) for component in components]
    files = [entry for component in components for entry in _files(component)]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": image.combination,
        "documentNamespace": f"urn:nvidia-installer:spdx:{image.sha256}",
        "creationInfo": {"created": created_text(), "creators": ["Tool: nvidia-installer"]},
        "documentDescribes": [_IMAGE],
        "packages": [_image_package(image), *packages, *files],
        "hasExtractedLicensingInfos": _licence_texts(components),
        "relationships": list(_relationships(components)),
    }


def _image_package(image: ImageName) -> dict[str, Any]:
    return {
        "SPDXID": _IMAGE,
        "name": image.name,
        "versionInfo": image.digest,
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": False,
        "primaryPackagePurpose": "CONTAINER",
        "checksums": [{"algorithm": "SHA256", "checksumValue": image.sha256}],
    }


def _package(component: SoftwareComponent) -> dict[str, Any]:
    entry = {
        "SPDXID": _id(component),
        "name": component.name,
        "versionInfo": component.version,
        "supplier": f"Organization: {component.supplier}" if component.supplier else NO_ASSERTION,
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": False,
        "licenseDeclared": component.licence,
    }
    if component.description:
        entry["description"] = component.description
    if component.source:
        entry["sourceInfo"] = f"built from the Debian source package {component.source}"
    if component.source and component.packages:
        entry["checksums"] = [{"algorithm": "SHA256", "checksumValue": component.packages[0].sha256}]
    elif component.packages:
        entry["sourceInfo"] = f"made of {', '.join(file.file_name for file in component.packages)}"
    if component.purl:
        entry["externalRefs"] = [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": component.purl}
        ]
    return entry


def _files(component: SoftwareComponent) -> Iterator[dict[str, Any]]:
    """Yield the files and patches of a component. They are packages, since SPDX wants the sha1 of everything that is a file."""
    if component.source:
        return
    for number, (path, sha256) in enumerate({**component.files, **component.packed}.items()):
        yield _file_package(f"{_id(component)}-{number}", path, sha256)
    for patch in component.patches:
        yield {**_file_package(_patch_id(component, patch.file), patch.file, patch.sha256), "comment": patch.reason}


def _file_package(identifier: str, name: str, sha256: str) -> dict[str, Any]:
    return {
        "SPDXID": identifier,
        "name": name,
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": False,
        "primaryPackagePurpose": "FILE",
        "checksums": [{"algorithm": "SHA256", "checksumValue": sha256}],
    }


def _relationships(components: Sequence[SoftwareComponent]) -> Iterator[Mapping[str, str]]:
    yield _related("SPDXRef-DOCUMENT", "DESCRIBES", _IMAGE)
    for component in components:
        yield _related(_IMAGE, "CONTAINS", _id(component))
        count = 0 if component.source else len({**component.files, **component.packed})
        for number in range(count):
            yield _related(_id(component), "CONTAINS", f"{_id(component)}-{number}")
        for patch in component.patches:
            yield _related(_patch_id(component, patch.file), "PATCH_APPLIED", _id(component))


def _related(one: str, how: str, other: str) -> Mapping[str, str]:
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}


def _licence_texts(components: Sequence[SoftwareComponent]) -> list[dict[str, str]]:
    """Return a text for each licence that SPDX does not list: where to find it."""
    found = {name for component in components for name in _REFERENCE.findall(component.licence)}
    return [
        {"licenseId": name, "extractedText": _TEXTS.get(name, "See /usr/share/doc/*/copyright in the image.")}
        for name in sorted(found)
    ]


def _id(component: SoftwareComponent) -> str:
    return f"SPDXRef-{_plain(component.key)}"


def _patch_id(component: SoftwareComponent, file: str) -> str:
    return f"{_id(component)}-{_plain(file)}"


def _plain(text: str) -> str:
    """Return a text with only the characters of an SPDX identifier (SPDX specification 2.3, 7.2)."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda match: f"-{ord(match[0]):x}-", text)
