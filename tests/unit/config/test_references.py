"""Names of registries, repositories and images."""

import pytest

from lifecycle.config.image_versions import parse_image_versions
from lifecycle.errors import ConfigurationError
from tests.support.builders.projects import component

REGISTRY = 'registry: "localhost:5000"'
PLACE = r"component.yaml:3:9: image.registry: "


@pytest.mark.parametrize(
    "registry",
    [
        "localhost",
        "localhost:5000",
        "nvcr.io",
        "registry.example.org:443",
        "10.0.0.1:5000",
        "'[::1]:5000'",
        "A-b.example",
    ],
)
def test_a_registry_is_a_host_with_or_without_a_port(registry: str) -> None:
    assert component((REGISTRY, f"registry: {registry}")).image.registry == registry.strip("'")


@pytest.mark.parametrize(
    ("registry", "said"),
    [
        ("https://localhost:5000", "'https://localhost:5000' has a scheme: write 'localhost:5000' without 'https://'"),
        ("docker://nvcr.io/a", "'docker://nvcr.io/a' has a scheme: write 'nvcr.io' without 'docker://'"),
        ("nvcr.io/nvidia", "'nvcr.io/nvidia' has a path: write the host alone, and the path under `repository`"),
        ("'%%%'", "'%%%' is not a registry: write its host, and its port if it has one, as in localhost:5000"),
        ("localhost:99999", "'localhost:99999' is not a registry"),
        ("localhost:http", "'localhost:http' is not a registry"),
        ("me@nvcr.io", "'me@nvcr.io' is not a registry"),
        ("nvcr.io.", "'nvcr.io.' is not a registry"),
        ("''", "'' is not a registry"),
        (
            "registry",
            "'registry' is no full host name, so an engine would send it to Docker Hub: add the domain or the port",
        ),
        ("5000", "'5000' is no full host name, so an engine would send it to Docker Hub: add the domain or the port"),
    ],
)
def test_what_is_not_a_registry_says_what_to_write(registry: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        component((REGISTRY, f"registry: {registry}"))

    (problem,) = caught.value.problems
    assert problem.startswith(f"{PLACE}{said}")


@pytest.mark.parametrize("repository", ["a", "team/app", "team__x/a--b", "a.b/c_d/e-f"])
def test_a_repository_has_the_parts_that_engines_accept(repository: str) -> None:
    read = component(("repository: team/nvidia-installer", f"repository: {repository}"))

    assert read.image.repository == repository


@pytest.mark.parametrize("repository", ["Team/app", "/app", "app/", "a//b", "a..b", "app:tag", "a b", "a@b", "''"])
def test_what_is_not_a_repository_says_what_to_write(repository: str) -> None:
    with pytest.raises(ConfigurationError, match=r"image\.repository: .* is not the path of a repository: write small"):
        component(("repository: team/nvidia-installer", f"repository: {repository}"))


@pytest.mark.parametrize(
    "reference",
    [
        "debian:bookworm-slim",
        "nvcr.io/a/b",
        "localhost:5000/a:1",
        f"a/b:c@sha256:{'0' * 64}",
        "ghcr.io/a--b/c__d:V1.x-y",
    ],
)
def test_an_image_reference_is_read_as_an_engine_does(reference: str) -> None:
    assert parse_image_versions(f"RUNTIME={reference}\n", file="f").runtime().reference == reference


@pytest.mark.parametrize(
    "reference", ["https://nvcr.io/a", "nvcr.io/A", "a:b:c", "a@sha256:0", "a/", ":a", "-a", "a:.b"]
)
def test_what_is_not_an_image_reference_is_refused(reference: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^f:1: .* is not an image reference: write registry/name:tag"):
        parse_image_versions(f"RUNTIME={reference}\n", file="f")
