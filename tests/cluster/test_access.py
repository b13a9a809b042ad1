"""Tests of the installer's rights in the cluster, which are none, and of pulling its images from a registry."""

import itertools
from collections.abc import Iterator

import pytest

from tests.support.machines.cluster.cluster import Cluster, Object, container_status
from tests.support.machines.cluster.containerd import Containerd
from tests.support.machines.cluster.helm_release import NAME, Release, labels_for
from tests.support.machines.cluster.published_images import Images, Published, publish
from tests.support.machines.cluster.pull_secret import make_pull_secret
from tests.support.machines.node_host import DRIVER
from tests.support.servers.registry_server import RegistryServer, registry_server

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
    cluster: Cluster, runtime: Containerd, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RegistryServer, Published]]:
    """Start a registry that asks for a password, publish an image in it, and stop it at the end."""
    with registry_server(tmp_path_factory.mktemp("guarded"), tls=True, password=True) as server:
        runtime.trust(server)
        yield server, publish(cluster.engine, server, f"installer:{DRIVER}", DRIVER)


@pytest.fixture
def without_secret(cluster: Cluster, release: Release) -> Iterator[None]:
    """Delete the secret at the end, if the test has created it."""
    yield
    cluster.kubectl("delete", "secret", f"--namespace={release.namespace}", "--ignore-not-found", LOGIN)


def failed_pull(cluster: Cluster, release: Release) -> Object:
    """Wait until the image cannot be pulled, and return the waiting state from the pod's status."""

    def look() -> Object:
        states = [container_status(pod, "install").get("state", {}).get("waiting", {}) for pod in release.pods()]
        return next((dict(state) for state in states if state.get("reason") == "ErrImagePull"), {})

    return cluster.wait(look, "an image that is not pulled")


@pytest.mark.usefixtures("without_secret")
def test_the_image_is_pulled_by_digest_with_the_secret_of_the_values(
    cluster: Cluster, release: Release, guarded: tuple[RegistryServer, Published]
) -> None:
    server, image = guarded
    cluster.label(cluster.node, labels_for("550"))
    # Refused first: the runtime does not pull an image again.
    release.install(image)
    assert "no basic auth credentials" in failed_pull(cluster, release)["message"]
    release.clear()
    make_pull_secret(cluster, release.namespace, LOGIN, server, "wrong")
    release.install(image, imagePullSecrets=[{"name": LOGIN}])
    assert "401 Unauthorized" in failed_pull(cluster, release)["message"]
    make_pull_secret(cluster, release.namespace, LOGIN, server)
    pod = release.pod_of(image)
    assert container_status(pod, "driver")["imageID"].endswith(image.digest)


def test_in_a_pod_only_the_hosts_sysfs_is_writable(cluster: Cluster, release: Release, images: Images) -> None:
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new)
    pod = release.pod_of(images.new)
    file = "sys/module/firmware_class/parameters/path"
    ask = f'for file in /{file} /host/{file}; do if [ -w "$file" ]; then echo "$file"; fi; done'
    words = (pod["metadata"]["name"], "--container=driver", "--", "sh", "-c", ask)
    assert cluster.kubectl("exec", f"--namespace={release.namespace}", *words) == f"/host/{file}\n"
