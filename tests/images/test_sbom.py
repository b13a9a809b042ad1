"""The SBOMs of each image: complete, and valid by the validators of their own projects."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from lifecycle.attest.contents import ImageContents, read_contents
from lifecycle.attest.cyclonedx import cyclonedx_document
from lifecycle.attest.inventory import MANIFEST, ImageName, SoftwareComponent, components_of
from lifecycle.attest.packages import is_package_record
from lifecycle.attest.spdx import spdx_document
from lifecycle.config.image_versions import RUNTIME
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.tools.engine.docker_engine import DockerEngine
from tests.support.machines.installer import Installer


@pytest.fixture(scope="module")
def contents(
    installer: Installer, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ImageContents:
    if request.config.getoption("--image"):
        pytest.skip("an SBOM is that of the matrix's own image")
    archive = tmp_path_factory.mktemp("image") / "image.tar"
    DockerEngine(os.environ).save(installer.reference, archive)
    found = read_contents(archive, lambda path: path == MANIFEST or is_package_record(path))
    archive.unlink()
    return found


@pytest.fixture(scope="module")
def components(
    contents: ImageContents, combination: Combination, project: LockedProject
) -> tuple[SoftwareComponent, ...]:
    return components_of(project, combination, contents)


@pytest.fixture(scope="module")
def name(combination: Combination) -> ImageName:
    digest = f"sha256:{'0' * 64}"
    return ImageName(combination=combination.id, reference=f"r.example/i@{digest}", digest=digest)


def test_every_file_belongs_to_exactly_one_component(
    contents: ImageContents, components: Sequence[SoftwareComponent]
) -> None:
    owned = [path for component in components for path in component.files]

    assert sorted(owned) == sorted(contents.files)


def test_a_base_made_of_packages_has_no_files_of_unknown_origin(
    components: Sequence[SoftwareComponent], project: LockedProject
) -> None:
    if project.lock.bases[RUNTIME].digest:
        pytest.skip("the runtime base is pulled")

    assert [list(component.files) for component in components if component.key == "unowned"] == []
    assert all(component.packages for component in components if component.source)


def test_most_packages_say_their_licence(components: Sequence[SoftwareComponent]) -> None:
    packages = [component for component in components if component.source]
    unknown = [component.name for component in packages if component.licence == "NOASSERTION"]

    assert len(unknown) < len(packages) / 5, unknown


def test_the_spdx_document_is_valid(components: Sequence[SoftwareComponent], name: ImageName, tmp_path: Path) -> None:
    path = tmp_path / "image.spdx.json"
    path.write_text(json.dumps(spdx_document(name, components)))

    assert [problem.validation_message for problem in validate_full_spdx_document(parse_file(str(path)))] == []


def test_the_cyclonedx_document_is_valid(components: Sequence[SoftwareComponent], name: ImageName) -> None:
    document = json.dumps(cyclonedx_document(name, components))

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None
