"""Tests of the installer's rights in the cluster, which are none, and of pulling its images from a registry."""

import itertools
import json
from collections.abc import Iterator

import pytest

from tests.support.machines.cluster.cluster import Cluster, container_status
from tests.support.machines.cluster.helm_release import NAME, Release, labels_for
from tests.support.machines.cluster.published_images import Images, Published, publish
from tests.support.machines.node_host import DRIVER
from tests.support.servers.registry_server import PASSWORD, USER, RegistryServer, registry_server

LOGIN = "registry"
# What anybody may who is known to the API: to ask what they may, and which APIs there are (kubernetes.io, "RBAC").
ANYBODYS = {"selfsubjectaccessreviews.authorization.k8s.io", "selfsubjectrulesreviews.authorization.k8s.io"}


@pytest.fixture
def account(release: Release, images: Images) -> str:
    """Install the chart and return the installers' user name in the API."""
    release.install(images.new)
    return f"system:serviceaccount:{release.namespace}:{NAME}"


def test_the_installers_account_may_do_nothing(cluster: Cluster, release: Release, account: str) -> None:
    words = ("auth", "can-i", "--list", "--no-headers", f"--as={account}", f"--namespace={release.namespace}")
    resources = {line.split()[0] for line in cluster.kubectl(*words).splitlines() if not line.startswith(" ")}
    assert resources == ANYBODYS


def test_of_what_an_administrator_may_the_installers_account_may_nothing(cluster: Cluster, account: str) -> None:
    verbs = ("get", "list", "create", "patch", "delete")
    resources = ("nodes", "pods", "secrets", "configmaps", "daemonsets.apps")
    for verb, resource in itertools.product(verbs, resources):
        words = ("auth", "can-i", verb, resource, "--all-namespaces")
        assert cluster.kubectl(*words) == "yes\n"
        assert cluster.kubectl(*words, f"--as={account}", check=False) == "no\n", (verb, resource)


def test_a_pod_has_no_token(cluster: Cluster, release: Release, images: Images) -> None:
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new)
    pod = release.pod_of(images.new)
    assert sorted(volume["name"] for volume in pod["spec"]["volumes"]) == ["dev", "host"]
    words = (pod["metadata"]["name"], "--container=driver", "--", "ls", "-A", "/var/run/secrets")
    assert cluster.kubectl("exec", f"--namespace={release.namespace}", *words, check=False) == ""


@pytest.fixture(scope="module")
def guarded(
    cluster: Cluster, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RegistryServer, Published]]:
    """Start a registry that asks for a password, publish an image in it, and stop it at the end."""
    with registry_server(tmp_path_factory.mktemp("guarded"), password=True) as server:
        yield server, publish(cluster.engine, server, f"installer:{DRIVER}", DRIVER)


@pytest.fixture
def secret(cluster: Cluster, release: Release, guarded: tuple[RegistryServer, Published]) -> Iterator[str]:
    """Create the secret with the registry's password and delete it at the end."""
    login = {"auths": {guarded[0].host: {"username": USER, "password": PASSWORD}}}
    metadata = {"name": LOGIN, "namespace": release.namespace}
    data = {".dockerconfigjson": json.dumps(login)}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/dockerconfigjson",
            "metadata": metadata,
            "stringData": data,
        }
    )
    yield LOGIN
    cluster.kubectl("delete", "secret", f"--namespace={release.namespace}", LOGIN)


def test_the_image_is_pulled_by_digest_with_the_secret_of_the_values(
    cluster: Cluster, release: Release, guarded: tuple[RegistryServer, Published], secret: str
) -> None:
    _, image = guarded
    cluster.label(cluster.node, labels_for("550"))
    # Without it first: an image that the node has pulled is not asked for again.
    release.install(image)
    waits = cluster.wait(
        lambda: [
            found
            for pod in release.pods()
            if (found := container_status(pod, "install").get("state", {}).get("waiting", {})).get("reason")
            == "ErrImagePull"
        ],
        "an image that is not pulled",
    )
    assert "no basic auth credentials" in waits[0]["message"]
    release.upgrade(image, imagePullSecrets=[{"name": secret}], updateStrategy={"type": "RollingUpdate"})
    pod = release.pod_of(image)
    assert container_status(pod, "driver")["imageID"].endswith(image.digest)
