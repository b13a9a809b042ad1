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


def test_an_origin_that_is_an_address_stays_as_it_is() -> None:
    lock, key = PROJECT.lock, "550.163.01/amd64"
    address = "https://download.example/550/NVIDIA-550.run"
    file = lock.drivers[key].userspace[0].model_copy(update={"origin": address})
    drivers = {**lock.drivers, key: lock.drivers[key].model_copy(update={"userspace": [file]})}
    made = provenance(
        project(lock=lock.model_copy(update={"drivers": drivers})), COMBINATION, "sha256:1", SOURCE, "urn:b"
    )
    addresses = [entry["uri"] for entry in made["buildDefinition"]["resolvedDependencies"]]

    assert address in addresses
    assert any(one.startswith("apt:Debian/pool/") for one in addresses)
