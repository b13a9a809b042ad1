"""Without a network: what was fetched is enough, and a bundle brings it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.model.project import Project, load_project
from lifecycle.model.targets import Targets
from lifecycle.tools.store import Store, default_cache_dir
from tests.unit.builders import ROOT

ONLY = "debian-12/535"
# In a network namespace of its own there is not even a loopback; the engine is reached through its socket, a file.
NO_NETWORK = ["unshare", "--net", "--"]


def invoke(*words: str, offline: bool, cache: Path) -> subprocess.CompletedProcess[str]:
    command = [*(NO_NETWORK if offline else []), sys.executable, "-m", "invoke", *words, "--cache-dir", str(cache)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def project() -> Project:
    return load_project(ROOT)


@pytest.fixture
def cache(project: Project, tmp_path: Path) -> Path:
    """A cache with nothing but the compiled modules, whose making takes minutes and no network."""
    combination = next(c for c in project.matrix().combinations if c.id.startswith("debian-12") and c.branch == "535")
    for module_type in combination.module_types:
        modules = Targets(project).modules(combination, module_type)
        own = Store(default_cache_dir(os.environ)).result(modules.kind, modules.digest)
        assert own is not None, "run `invoke build` first"
        to = tmp_path / "cache/results" / own.kind / own.digest
        shutil.copytree(own.folder, to)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "inputs.bundle"
    done = invoke("bundle", str(path), "--only", ONLY, offline=False, cache=default_cache_dir(os.environ))
    assert done.returncode == 0, done.stderr
    return path


def test_the_namespace_has_no_network() -> None:
    done = subprocess.run([*NO_NETWORK, "ip", "-brief", "link"], capture_output=True, text=True, check=True)

    assert "UP" not in done.stdout.replace("LOWER_UP", "")


def test_what_was_fetched_is_enough(cache: Path) -> None:
    (cache / "blobs").symlink_to(default_cache_dir(os.environ) / "blobs")
    done = invoke("package", "--locked", "--only", ONLY, offline=True, cache=cache)

    assert done.returncode == 0, done.stderr
    assert list((cache / "results/userspace").iterdir())
    assert list((cache / "results/archive").iterdir())


def test_a_bundle_brings_all_that_a_build_needs(cache: Path, bundle: Path, project: Project) -> None:
    done = invoke("build", "--from-bundle", str(bundle), "--json", "--only", ONLY, offline=True, cache=cache)
    (row,) = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert "others were left out" in done.stderr
    assert row["failed"] == []
    assert (cache / "blobs").is_dir()


def test_a_bundle_of_less_than_is_asked_for_is_named_and_no_network_is_tried(cache: Path, bundle: Path) -> None:
    done = invoke("build", "--from-bundle", str(bundle), "--only", "debian-13", offline=True, cache=cache)

    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert f"{bundle} does not hold " in done.stderr
    assert "make it anew with `invoke bundle` from this very commit" in done.stderr


def test_without_network_and_bundle_it_says_what_it_could_not_download(cache: Path) -> None:
    done = invoke("fetch", "--locked", "--only", ONLY, offline=True, cache=cache)

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "could not be downloaded" in done.stderr


@pytest.mark.parametrize("name", ["missing.bundle", "component.yaml"])
def test_a_file_that_is_no_bundle_is_a_mistake(cache: Path, name: str) -> None:
    done = invoke("fetch", "--from-bundle", name, offline=True, cache=cache)

    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 2)
    assert name in done.stderr
