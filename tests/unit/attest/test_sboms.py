"""Both SBOMs of one small inventory, checked by the validators of their own projects."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from lifecycle.attest.cyclonedx import cyclonedx_document
from lifecycle.attest.inventory import ImageName, Patch, SoftwareComponent
from lifecycle.attest.spdx import spdx_document
from lifecycle.config.lock import LockedFile
from tests.support.builders.attestations import COMBINATION, DIGEST, NAME

IMAGE = ImageName(combination=COMBINATION, reference=f"{NAME}@{DIGEST}", digest=DIGEST)
DEB = LockedFile(name="libstdc++6", version="1:2", origin="Debian/pool/libstdc++6_2.deb", size=1, sha256="a" * 64)
COMPONENTS = (
    SoftwareComponent(
        key="deb-libstdc++6",
        name="libstdc++6",
        version="1:2",
        purl="pkg:deb/debian/libstdc%2B%2B6@1%3A2?arch=amd64&distro=debian-12",
        licence="GPL-3.0-or-later AND LicenseRef-Debian-public-domain",
        supplier="Somebody <a@b.example>",
        files={"usr/lib/libstdc++.so.6": "b" * 64},
        packages=[DEB],
        source="gcc 1:2",
    ),
    SoftwareComponent(
        key="modules-open",
        name="nvidia-kernel-modules-open",
        version="550.163.01",
        purl="pkg:generic/nvidia-kernel-modules-open@550.163.01?kernel=6.1.0",
        licence="MIT OR GPL-2.0-only",
        supplier="NVIDIA Corporation",
        description="modules",
        files={"opt/nvidia-installer/modules-open.tar.zst": "c" * 64},
        packed={"lib/modules/6.1.0/nvidia.ko": "d" * 64},
        packages=[DEB],
        patches=[Patch(file="550/open/fix.patch", reason="Linux 6.12 needs it", sha256="e" * 64)],
    ),
    SoftwareComponent(
        key="unowned", name="files", version="", purl="", licence="NOASSERTION", supplier="", files={"etc/x": "f" * 64}
    ),
)


@pytest.fixture(scope="module")
def spdx() -> Mapping[str, Any]:
    return spdx_document(IMAGE, COMPONENTS)


@pytest.fixture(scope="module")
def cyclonedx() -> Mapping[str, Any]:
    return cyclonedx_document(IMAGE, COMPONENTS)


def test_the_spdx_document_is_valid(spdx: Mapping[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "image.spdx.json"
    path.write_text(json.dumps(spdx))

    assert [problem.validation_message for problem in validate_full_spdx_document(parse_file(str(path)))] == []


def test_the_cyclonedx_document_is_valid(cyclonedx: Mapping[str, Any]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(cyclonedx)) is None


def test_both_name_the_image_by_its_digest(spdx: Mapping[str, Any], cyclonedx: Mapping[str, Any]) -> None:
    assert (spdx["packages"][0]["name"], spdx["packages"][0]["versionInfo"]) == (NAME, DIGEST)
    assert (cyclonedx["metadata"]["component"]["name"], cyclonedx["metadata"]["component"]["version"]) == (NAME, DIGEST)


def test_both_have_every_component_with_its_licence(spdx: Mapping[str, Any], cyclonedx: Mapping[str, Any]) -> None:
    declared = {package["name"]: package.get("licenseDeclared") for package in spdx["packages"]}
    listed = {
        entry["name"]: entry.get("licenses", [{}])[0].get("expression", "NOASSERTION")
        for entry in cyclonedx["components"]
    }

    assert {name: declared[name] for name in listed} == listed == {c.name: c.licence for c in COMPONENTS}


def test_both_have_the_sha256_of_packages_and_of_the_drivers_files(
    spdx: Mapping[str, Any], cyclonedx: Mapping[str, Any]
) -> None:
    for digest in "acdef":
        assert digest * 64 in json.dumps(spdx)
        assert digest * 64 in json.dumps(cyclonedx)


def test_a_licence_that_spdx_does_not_list_has_a_text(spdx: Mapping[str, Any]) -> None:
    assert [entry["licenseId"] for entry in spdx["hasExtractedLicensingInfos"]] == ["LicenseRef-Debian-public-domain"]


def test_an_image_has_one_document(spdx: Mapping[str, Any], cyclonedx: Mapping[str, Any]) -> None:
    assert spdx_document(IMAGE, COMPONENTS) == spdx
    assert cyclonedx_document(IMAGE, COMPONENTS) == cyclonedx
