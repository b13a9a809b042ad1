"""Tests of SBOMs as files of a release."""

import json
import re

import pytest

from lifecycle.attest.statements import CYCLONEDX, SPDX
from lifecycle.release.sboms import file_name, sbom_file
from tests.support.builders.attestations import COMBINATION, PREDICATES, statement


@pytest.mark.parametrize(("kind", "ending"), [(SPDX, "spdx.json"), (CYCLONEDX, "cdx.json")])
def test_a_file_has_the_document_and_its_usual_ending(kind: str, ending: str) -> None:
    made = sbom_file(COMBINATION, statement(kind))

    assert made.name == f"debian-12_6.1.0-56-cloud-amd64_535.309.01.{ending}"
    assert json.loads(made.content) == PREDICATES[kind]


def test_the_same_statement_is_the_same_file() -> None:
    document = statement(SPDX, {"name": "ü", "packages": []})
    turned = statement(SPDX, {"packages": [], "name": "ü"})

    assert sbom_file(COMBINATION, document) == sbom_file(COMBINATION, turned)


def test_the_name_of_a_file_has_no_character_that_a_forge_replaces() -> None:
    name = file_name("debian-13/6.12.118+deb13~1-cloud-amd64/550.163.01")

    assert name == "debian-13_6.12.118-deb13-1-cloud-amd64_550.163.01"
    assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
