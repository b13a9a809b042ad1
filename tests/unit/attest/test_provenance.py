from dataclasses import replace
from typing import Any

from lifecycle.attest.provenance import Source, provenance
from lifecycle.planning.targets import Targets
from tests.support.builders.projects import project

COMMIT = "c" * 40
SOURCE = Source(repository="https://git.example/gpu.git", commit=COMMIT, files={"component.yaml": "1" * 64})
PROJECT = project()
COMBINATION = PROJECT.matrix.combinations[3]


def made(source: Source = SOURCE) -> dict[str, Any]:
    return provenance(PROJECT, COMBINATION, "sha256:1", source, "https://ci.example")


def dependencies(source: Source = SOURCE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = made(source)["buildDefinition"]["resolvedDependencies"]
    return found


def test_every_locked_input_is_a_dependency_with_its_digest() -> None:
    lock = PROJECT.lock
    driver, kernel = lock.driver_for(COMBINATION), lock.kernel_for(COMBINATION)
    files = [*kernel.headers, *driver.userspace, *(f for t in COMBINATION.module_types for f in driver.modules[t])]

    assert {file.sha256 for file in files} <= {entry["digest"].get("sha256") for entry in dependencies()}


def test_the_commit_comes_first_without_being_guessed() -> None:
    assert dependencies()[0] == {
        "uri": f"git+https://git.example/gpu.git@{COMMIT}",
        "digest": {"gitCommit": COMMIT},
        "name": "source",
    }
    assert "gitCommit" not in str(dependencies(replace(SOURCE, commit="")))
    assert dependencies(replace(SOURCE, repository=""))[0]["uri"] == f"git:{COMMIT}"


def test_it_names_the_image_its_inputs_and_the_builder() -> None:
    found = made()
    definition = found["buildDefinition"]

    assert definition["internalParameters"] == {
        "inputsDigest": Targets(PROJECT).image(COMBINATION).digest,
        "imageId": "sha256:1",
    }
    assert definition["externalParameters"] == {
        "combination": COMBINATION.id,
        "files": {"component.yaml": "1" * 64},
    }
    assert found["runDetails"]["builder"] == {
        "id": "https://ci.example",
        "version": {"nvidia-installer": PROJECT.component.version},
    }


def test_it_claims_no_time() -> None:
    assert "startedOn" not in str(made())
