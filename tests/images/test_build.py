"""The build itself: its tags, a run with nothing to do, and one that is interrupted."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from lifecycle.cache.cache import default_cache_dir
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.required_inputs import files_of
from lifecycle.planning.tags import references
from lifecycle.tools.engine.container import LABEL_OWNER
from lifecycle.tools.engine.docker_engine import owner_of
from tests.support.checkout import ROOT
from tests.support.combinations import is_everything

INVOKE = [sys.executable, "-m", "invoke"]


@pytest.fixture(autouse=True)
def whole_matrix(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--image"):
        pytest.skip("a single image is being checked")
    if "combination" not in request.fixturenames and not is_everything(request.config.getoption("--only")):
        pytest.skip("a part of the matrix is being checked")


def test_the_moving_tag_of_the_branch_is_the_same_image(
    engine: docker.DockerClient, project: LockedProject, combination: Combination
) -> None:
    exact, moving = references(project.component.image, combination)

    assert exact != moving
    assert engine.images.get(exact).id == engine.images.get(moving).id


def test_a_second_build_does_nothing_and_starts_no_container(
    engine: docker.DockerClient, project: LockedProject
) -> None:
    since = int(time.time())
    with subprocess.Popen([*INVOKE, "build", "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as build:
        rows = json.loads(build.communicate()[0])
    # Other tests, on the other worker, may start containers of their own meanwhile.
    own = {"type": "container", "label": f"{LABEL_OWNER}={owner_of(build.pid)}"}
    events = list(engine.events(since=since, until=int(time.time()) + 1, filters=own, decode=True))

    assert build.returncode == 0
    assert [row["combination"] for row in rows] == [c.id for c in project.matrix.combinations]
    assert [(row["made"], row["failed"]) for row in rows] == [([], [])] * len(rows)
    assert events == []


def test_every_module_that_ships_is_proven_from_its_image(project: LockedProject) -> None:
    done = subprocess.run([*INVOKE, "verify", "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    proofs = json.loads(done.stdout)

    assert [(proof["combination"], proof["module_type"], proof["source"], proof["problems"]) for proof in proofs] == [
        (c.id, str(module_type), "image", []) for c in project.matrix.combinations for module_type in c.module_types
    ]
    assert {len(proof["modules"]) for proof in proofs} == {5}


def test_a_second_fetch_downloads_nothing() -> None:
    done = subprocess.run([*INVOKE, "fetch", "--locked"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "0 files downloaded, 0 MB" in done.stderr


@pytest.fixture
def own_cache() -> Iterator[Path]:
    """Copy the cache's folder with hard links and delete the copy at the end.

    The copy is beside the cache because a hard link cannot cross file systems. The tests must build nothing in it.
    """
    real = default_cache_dir(os.environ)
    with tempfile.TemporaryDirectory(prefix="cache-test-", dir=real.parent) as folder:
        # Whoever has the lock's file has the lock.
        others = shutil.ignore_patterns("tmp", "lock")
        yield Path(shutil.copytree(real, Path(folder) / "cache", copy_function=os.link, ignore=others))


def test_a_prune_of_the_cache_takes_nothing_that_a_build_needs(own_cache: Path, project: LockedProject) -> None:
    def planned() -> object:
        build = [*INVOKE, "build", "--dry-run", "--json", "--cache-dir", str(own_cache)]
        return json.loads(subprocess.run(build, cwd=ROOT, capture_output=True, check=True).stdout)

    unneeded, before = own_cache / "blobs" / ("f" * 64), planned()
    unneeded.write_text("nobody needs it")
    files = files_of(project, project.matrix.combinations)
    needed = {path for file in files if (path := own_cache / "blobs" / file.sha256).exists()}
    without_engine = {**os.environ, "DOCKER_HOST": f"unix://{own_cache}/no.sock"}
    prune = [*INVOKE, "cache", "prune", "--keep-current", "--cache-dir", str(own_cache)]
    subprocess.run(prune, cwd=ROOT, env=without_engine, capture_output=True, check=True)

    assert not unneeded.exists()
    assert planned() == before
    assert {path for path in needed if not path.exists()} == set()


def test_ctrl_c_removes_the_container_and_leaves_nothing_half_made(engine: docker.DockerClient, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "blobs").symlink_to(default_cache_dir(os.environ) / "blobs")
    # A shell's background jobs, this session perhaps among them, ignore the signal, and so would what they start.
    heeding = ["env", "--default-signal=INT"]
    command = [*heeding, *INVOKE, "compile", "--only", "debian-12/535", "--cache-dir", str(cache)]
    since = int(time.time())
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    owner = owner_of(process.pid)
    own = {"event": "start", "label": f"{LABEL_OWNER}={owner}"}
    started = engine.events(since=since, filters=own, decode=True)
    next(started)
    started.close()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()

    assert process.returncode == 130
    assert "interrupted: nothing half made is left, run the same command to go on" in said
    assert "Traceback" not in said
    assert engine.containers.list(all=True, filters={"label": f"{LABEL_OWNER}={owner}"}) == []
    assert list((cache / "tmp").iterdir()) == []
    assert not (cache / "results" / "modules").exists()
