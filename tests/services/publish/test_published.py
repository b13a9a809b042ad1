"""Tests of finding a whole matrix's published images, in Debian's docker-registry with images of one empty layer."""

from pathlib import Path

from benchmarks.synthetic_results import synthetic_images, upload_images
from lifecycle.publish.published import published_images
from tests.support.builders.projects import wide
from tests.support.servers.registry_server import registry_server


def test_of_a_whole_matrix_only_what_the_registry_lists_is_asked_for(tmp_path: Path) -> None:
    with registry_server(tmp_path) as server:
        pushed, project = (wide(releases, registry=server.host) for releases in (5, 10))
        upload_images(pushed, synthetic_images(pushed))
        combinations = project.matrix.combinations
        found = published_images(project, combinations, {})
        asked = server.requests("GET", 200)
        lost = server.requests("GET", 404)

    assert [c.id for c in combinations if found[c]] == [c.id for c in pushed.matrix.combinations]
    assert sum("/tags/list" in path for path in asked) == 1
    assert sum("/manifests/" in path for path in asked) == len(pushed.matrix.combinations) == 10
    assert lost == []


def test_of_images_whose_labels_are_known_only_the_manifests_are_asked_for(tmp_path: Path) -> None:
    with registry_server(tmp_path) as server:
        project = wide(5, registry=server.host)
        images = synthetic_images(project)
        upload_images(project, images)
        before = len(server.requests("GET", 200))
        labels = {f"sha256:{image.digest}": image.labels for image in images.values()}
        found = published_images(project, project.matrix.combinations, {}, labels)
        asked = server.requests("GET", 200)[before:]

    assert None not in found.values()
    assert [path for path in asked if "/blobs/" in path] == []
