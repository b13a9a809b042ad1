"""Without a network: what was fetched is enough, and a bundle brings it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.planning.locked_project import LockedProject, load_locked_project
from lifecycle.planning.targets import Targets
from tests.support.checkout import PARTS, copy_parts

ONLY = "debian-12/535"
# In a network namespace of its own there is not even a loopback; the engine is reached through its socket, a file.
NO_NETWORK = ["unshare", "--net", "--"]


NAME = "offline-test/nvidia-installer"


@pytest.fixture(scope="session")
def checkout(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a copy of the checkout that builds images of another name, so that the engine has none of them."""
    folder = tmp_path_factory.mktemp("offline")
    copy_parts(folder, [*PARTS, "tasks.py"])
    component = folder / "component.yaml"
    component.write_text(
        component.read_text().replace("repository: system-services/nvidia-installer", f"repository: {NAME}")
    )
    yield folder
    forget_images(engine)


def forget_images(engine: docker.DockerClient) -> None:
    """Remove images by name, because the build cache may give an image with the real name the same id."""
    for image in engine.images.list(f"localhost:5000/{NAME}"):
        for tag in image.tags:
            if NAME in tag:
                engine.images.remove(tag)


@dataclass(frozen=True)
class Machine:
    """A checkout and a cache; without a network."""

    checkout: Path
    cache: Path

    def invoke(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*NO_NETWORK, sys.executable, "-m", "invoke", *words, "--cache-dir", str(self.cache)]
        return subprocess.run(command, cwd=self.checkout, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def project(checkout: Path) -> LockedProject:
    return load_locked_project(checkout)


@pytest.fixture
def machine(checkout: Path, project: LockedProject, tmp_path: Path) -> Machine:
    """Return a machine whose cache has only the compiled modules; compiling them takes minutes and no network."""
    combination = next(c for c in project.matrix.combinations if c.id.startswith("debian-12") and c.branch == "535")
    for module_type in combination.module_types:
        modules = Targets(project).modules(combination, module_type)
        own = Cache(default_cache_dir(os.environ)).result(modules.kind, modules.digest)
        assert own is not None, "run `invoke build` first"
        shutil.copytree(own.folder, tmp_path / "cache/results" / own.kind / own.digest)
    return Machine(checkout, tmp_path / "cache")


@pytest.fixture(scope="session")
def bundle(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "inputs.bundle"
    command = [sys.executable, "-m", "invoke", "bundle", str(path), "--only", ONLY]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    return path


def test_the_namespace_has_no_network() -> None:
    done = subprocess.run([*NO_NETWORK, "ip", "-brief", "link"], capture_output=True, text=True, check=True)

    assert "UP" not in done.stdout.replace("LOWER_UP", "")


def made(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["failed"] == []
    return list(row["made"])


def test_what_was_fetched_is_enough(machine: Machine) -> None:
    (machine.cache / "blobs").symlink_to(default_cache_dir(os.environ) / "blobs")

    assert made(machine.invoke("build", "--locked", "--only", ONLY, "--json")) == ["archive", "image", "userspace"]


def test_a_bundle_brings_all_that_a_build_needs(machine: Machine, bundle: Path, engine: docker.DockerClient) -> None:
    forget_images(engine)
    done = machine.invoke("build", "--from-bundle", str(bundle), "--only", ONLY, "--json")

    assert made(done) == ["archive", "image", "userspace"]
    assert "other files were left out" in done.stderr


def test_a_bundle_of_less_than_is_asked_for_is_named_and_no_network_is_tried(machine: Machine, bundle: Path) -> None:
    done = machine.invoke("build", "--from-bundle", str(bundle), "--only", "debian-13")

    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert f"{bundle} lacks " in done.stderr
    assert "run `invoke bundle` again at this commit" in done.stderr


def test_without_network_and_bundle_it_says_what_it_could_not_download(machine: Machine) -> None:
    done = machine.invoke("fetch", "--locked", "--only", ONLY)

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "could not be downloaded" in done.stderr


@pytest.mark.parametrize("name", ["missing.bundle", "component.yaml"])
def test_a_file_that_is_no_bundle_is_a_mistake(machine: Machine, name: str) -> None:
    done = machine.invoke("fetch", "--from-bundle", name)

    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert f"{name} is not a bundle (" in done.stderr
