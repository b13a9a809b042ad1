"""Garden Linux as an operator meets it: from a fresh checkout to values that clusters deploy, with real servers and a real compile.

The kernel has Debian's headers under a Garden Linux kernel's names, so its modules are compiled and checked, but not booted.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.config.lock import Lock
from tests.support.builders.apt_archive import Archive, end_agent
from tests.support.checkout import ROOT
from tests.support.checkouts.release_checkout import Checkout
from tests.support.garden_linux.archive import KERNEL, NEXT, VERSION, headers_of, make_garden_archive
from tests.support.garden_linux.checkout import (
    DRIVER,
    RELEASE,
    forget_images,
    make_garden_checkout,
    nodes,
)
from tests.support.garden_linux.images import OS_RELEASE, push_kmodbuild, push_runtime
from tests.support.servers.git_server import Upstream, bare_repository
from tests.support.servers.registry_server import RegistryServer, registry_server
from tests.support.servers.web_server import Web, web_server

OLDER = "gardenlinux-1592.9"
VALUES = "services/nvidia-installer/values/{}.yaml"
TAG = f"{DRIVER}-{KERNEL}-{RELEASE}"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    kernel = Lock.load(ROOT / "versions.lock").kernels["debian-13/amd64"]
    cache, home = Cache(default_cache_dir(os.environ)), tmp_path_factory.mktemp("gnupg")
    headers = [cache.blob(file.sha256) for file in kernel.headers]
    yield make_garden_archive(tmp_path_factory.mktemp("garden") / "archive", home, headers, kernel.release)
    end_agent(home)


@pytest.fixture(scope="module")
def web(archive: Archive) -> Iterator[Web]:
    with web_server(archive.folder) as server:
        yield server


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with registry_server(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Upstream:
    """Return a GitOps repository with the values of an older release."""
    text = f"installers:\n- release: {OLDER}\n  driver: '550'\n  version: x\n  image: {{repository: x, digest: x}}\n"
    return bare_repository(tmp_path_factory.mktemp("upstream"), {VALUES.format(OLDER): text})


@pytest.fixture(scope="module")
def checkout(
    archive: Archive,
    web: Web,
    registry: RegistryServer,
    values: Upstream,
    engine: docker.DockerClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> Checkout:
    """Return a fresh checkout whose builder and runtime base are in the registry alone."""
    return make_garden_checkout(
        tmp_path_factory.mktemp("operator") / "checkout",
        archive=f"{web.address}/gardenlinux",
        keyring=archive.keyring,
        registry=registry.host,
        kmodbuild=push_kmodbuild(engine, registry.host, headers_of(archive)),
        runtime=push_runtime(engine, registry.host),
        gitops=values.path,
    )


@pytest.fixture(scope="module")
def added(checkout: Checkout) -> subprocess.CompletedProcess[str]:
    """Return what README's command says."""
    return checkout.invoke("add-release", RELEASE, "--channel", "canary")


@pytest.fixture(scope="module")
def built(
    checkout: Checkout, added: subprocess.CompletedProcess[str], engine: docker.DockerClient, registry: RegistryServer
) -> Iterator[str]:
    """Yield the reference of the image that is built."""
    checkout.invoke("build", "--only", RELEASE)
    yield f"{registry.host}/system-services/nvidia-installer:{TAG}"
    forget_images(checkout, engine, registry.host)


def pytest_in(checkout: Checkout, folder: str) -> str:
    """Run the tests of a folder on the release, as nox does, and return what they say."""
    environ = {name: value for name, value in checkout.environment().items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", folder, "--quiet", f"--only={RELEASE}"]
    done = subprocess.run(command, cwd=checkout.folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tested(checkout: Checkout, built: str) -> str:
    """Return what the tests of the image say."""
    return pytest_in(checkout, "tests/images")


@pytest.fixture(scope="module")
def pushed(checkout: Checkout, tested: str) -> str:
    """Return the digest of the image in the registry."""
    checkout.invoke("push", "--only", RELEASE)
    (row,) = json.loads((checkout.folder / "build/published.json").read_text())
    return str(row["reference"]).rpartition("@")[2]


def test_the_release_is_added_with_the_builder_of_its_family(
    added: subprocess.CompletedProcess[str], checkout: Checkout, registry: RegistryServer
) -> None:
    lock = Lock.load(checkout.folder / "versions.lock")
    kernel, builder = lock.kernels[f"{RELEASE}/amd64"], lock.bases["BUILDER_GARDENLINUX_1592_10"]
    image = f"{registry.host}/gardenlinux/gardenlinux/kmodbuild:amd64-{VERSION}"

    assert f"+BUILDER_GARDENLINUX_1592_10={image}" in added.stdout.splitlines()
    assert (kernel.release, kernel.version) == (KERNEL, KERNEL.partition("-")[0])
    assert (len(kernel.headers), kernel.image, str(builder.digest)[:7]) == (3, [], "sha256:")
    assert "no kernel image: `nox -s test_node` leaves its boot out" in added.stderr


def test_the_builder_and_the_runtime_base_are_pulled(built: str, registry: RegistryServer) -> None:
    asked = registry.requests("GET", 200)

    for name in ("gardenlinux/gardenlinux/kmodbuild", "site/runtime"):
        assert any(path.startswith(f"/v2/{name}/blobs/") for path in asked), asked


def test_the_image_passes_its_tests(tested: str) -> None:
    assert " passed" in tested
    assert "failed" not in tested


def test_the_boot_alone_is_left_out_and_said(built: str, checkout: Checkout) -> None:
    said = pytest_in(checkout, "tests/node")

    assert f"{RELEASE}: its source has the headers of {KERNEL}, but no kernel image" in said
    assert " skipped" in said
    assert "passed" not in said


def test_a_node_of_a_newer_version_is_told_its_tag(built: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    """The node's os-release has no VERSION_ID, and this machine has another kernel."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(OS_RELEASE.replace(VERSION, "1592.11"))
    with pytest.raises(docker.errors.ContainerError) as caught:
        engine.containers.run(
            built,
            environment={"HOST_ROOT": "/host"},
            volumes={str(tmp_path): {"bind": "/host", "mode": "ro"}},
            network_mode="none",
            remove=True,
        )

    assert caught.value.exit_status == 10
    said = str(caught.value.stderr)
    assert f"this node needs the image with the tag {DRIVER}-{os.uname().release}" in said
    assert "-gardenlinux-1592.11" in said


def test_the_tested_image_is_pushed_and_set_for_clusters(
    pushed: str, checkout: Checkout, values: Upstream, registry: RegistryServer
) -> None:
    checkout.invoke("bump-gitops", "--only", RELEASE, "--create")
    text = values.show("nvidia-installer/values-1.0.0", VALUES.format(RELEASE))

    # The tag that NVIDIA's GPU Operator asks for on these nodes.
    assert f"550-{KERNEL}-gardenlinux0" in registry.tags()
    for line in (f"- release: {RELEASE}", f"  version: {DRIVER}", pushed):
        assert line in text
    assert OLDER not in text


def test_nodes_of_the_release_are_covered_and_older_ones_are_named(
    pushed: str, checkout: Checkout, tmp_path: Path
) -> None:
    covered = {"name": "gpu-1", "version": VERSION, "kernel": KERNEL}
    (tmp_path / "covered.json").write_text(nodes(covered))
    (tmp_path / "mixed.json").write_text(
        nodes(covered, {"name": "gpu-2", "version": "1592.9", "kernel": "6.12.44-cloud-amd64"})
    )

    (row,) = checkout.json("coverage", "--nodes", str(tmp_path / "covered.json"))
    assert (row["node"], row["now"]) == ("gpu-1", {"tag": TAG, "covered": True})
    mixed = checkout.invoke("coverage", "--nodes", str(tmp_path / "mixed.json"), code=1)
    assert f"MISSING {DRIVER}-6.12.44-cloud-amd64-gardenlinux-1592.9" in mixed.stdout


def test_the_radar_judges_the_next_version_in_the_builder_of_its_own(built: str, checkout: Checkout) -> None:
    (kernel,) = checkout.json("radar", "--only", RELEASE)["kernels"]
    (modules,) = kernel["modules"]

    assert (kernel["release"], kernel["builder"], kernel["kernel"]) == (f"gardenlinux-{NEXT}",) * 2 + (KERNEL,)
    assert kernel["arrival"]["words"] == f"when it replaces {RELEASE}"
    # The new version has the same kernel and tools, so there is nothing to compile.
    assert (modules["verdict"], modules["new"]) == ("fits", False)


def test_the_radar_leaves_files_and_lock_as_they_are(built: str, checkout: Checkout) -> None:
    files = [checkout.folder / name for name in ("versions.lock", "image_versions", "component.yaml")]
    before = [file.read_bytes() for file in files]
    checkout.invoke("radar", "--only", RELEASE)

    assert [file.read_bytes() for file in files] == before


def test_a_version_that_the_archive_lacks_is_one_sentence(
    added: subprocess.CompletedProcess[str], checkout: Checkout
) -> None:
    before = (checkout.folder / "component.yaml").read_text()
    refused = checkout.invoke("add-release", "gardenlinux-1592.99", code=2)

    assert (
        "has no suite '1592.99': in component.yaml, name a release that it has, or correct the source" in refused.stderr
    )
    assert (checkout.folder / "component.yaml").read_text() == before
