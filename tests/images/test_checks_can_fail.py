"""Every check is shown an image that is bad in one way, and has to turn red; all the others stay green.

The bad images are made of a good one. The tests of one image, those in FILES, are then run on them as anybody would.
"""

import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import docker
import pytest
import zstandard

from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import references
from lifecycle.tools.archive import extract_safely, write_members
from tests.support.builders.bad_images import BAD, Bad, Material, pack_with_modes
from tests.support.checkout import ROOT
from tests.support.combinations import is_everything
from tests.support.machines.installer import HOME

REPOSITORY = "nvidia-installer-test/bad"
# The files with the tests of one image. All other tests here are skipped with `--image`.
FILES = [Path(__file__).with_name(name) for name in ("test_image.py", "test_modules.py", "test_userspace.py")]


@pytest.fixture(scope="module")
def good(project: LockedProject, request: pytest.FixtureRequest) -> Combination:
    if request.config.getoption("--image"):
        pytest.skip("a bad image is being checked")
    if not is_everything(request.config.getoption("--only")):
        pytest.skip("a part of the matrix is being checked, perhaps without an image that is good to corrupt")
    return next(c for c in project.matrix.combinations if len(c.module_types) == 1)


@pytest.fixture(scope="module")
def material(
    good: Combination, project: LockedProject, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Material:
    other = next(c for c in project.matrix.combinations if c.kernel != good.kernel)
    folder = tmp_path_factory.mktemp("other")
    unpack(engine, references(project.component.image, other)[0], f"modules-{other.module_types[0]}", folder)
    return Material(good, next(folder.rglob("nvidia-uvm.ko")).parent)


def unpack(engine: docker.DockerClient, reference: str, archive: str, folder: Path) -> None:
    container = engine.containers.create(reference)
    try:
        chunks, _ = container.get_archive(f"{HOME}/{archive}.tar.zst")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as outer:
            packed = outer.extractfile(f"{archive}.tar.zst")
            assert packed is not None
            with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
                extract_safely(io.BufferedReader(stream), folder, archive=archive)
    finally:
        container.remove(v=True)


@pytest.fixture(scope="module")
def tree(
    good: Combination, project: LockedProject, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Return a function that unpacks an archive of the good image, once; what it returns must be copied to be changed."""

    @cache
    def unpacked(archive: str) -> Path:
        folder = tmp_path_factory.mktemp("good")
        unpack(engine, references(project.component.image, good)[0], archive, folder)
        return folder

    return unpacked


@pytest.fixture
def corrupted(
    bad: Bad,
    good: Combination,
    material: Material,
    tree: Callable[[str], Path],
    project: LockedProject,
    engine: docker.DockerClient,
    tmp_path: Path,
) -> Iterator[str]:
    reference = references(project.component.image, good)[0]
    tag = re.sub("[^a-z]+", "-", bad.name.lower())
    if bad.corrupt:
        archive = bad.archive if bad.archive == "userspace" else f"{bad.archive}-{good.module_types[0]}"
        shutil.copytree(tree(archive), tmp_path / "tree", symlinks=True)
        bad.corrupt(tmp_path / "tree", material)
        pack_with_modes(tmp_path / "tree", tmp_path / "archive")
        shutil.rmtree(tmp_path / "tree")
        replace_file(engine, reference, f"{HOME}/{archive}.tar.zst", tmp_path / "archive", tag)
        (tmp_path / "archive").unlink()
    else:
        dockerfile = io.BytesIO(f"FROM {reference}\n{bad.dockerfile}\n".encode())
        engine.images.build(fileobj=dockerfile, tag=f"{REPOSITORY}:{tag}", rm=True, forcerm=True)
    yield f"{REPOSITORY}:{tag}"
    engine.images.remove(f"{REPOSITORY}:{tag}", force=True)


def replace_file(engine: docker.DockerClient, reference: str, path: str, by: Path, tag: str) -> None:
    """Make an image of another one with one file replaced; `docker build` would copy the file three times."""
    container = engine.containers.create(reference)
    try:
        with tempfile.TemporaryFile(dir=by.parent) as stream:
            with tarfile.open(fileobj=stream, mode="w") as tar:
                write_members(tar, {PurePosixPath(path).name: by})
            stream.seek(0)
            assert container.put_archive(str(PurePosixPath(path).parent), stream)
        container.commit(REPOSITORY, tag)
    finally:
        container.remove(v=True)


@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
def test_a_bad_image_turns_exactly_its_own_checks_red(bad: Bad, good: Combination, corrupted: str) -> None:
    command = [sys.executable, "-m", "pytest", *map(str, FILES), "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider"]
    options = ["-p", "no:hypothesispytest", "--image", corrupted, "--combination", good.id]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    red = set(re.findall(r"^(?:FAILED|ERROR) \S+::(\w+)", done.stdout, re.MULTILINE))

    assert red == set(bad.fails), done.stdout
    assert done.returncode == 1


def test_every_check_has_been_seen_failing() -> None:
    checks = {name for path in FILES for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}

    assert checks == {name for bad in BAD for name in bad.fails}
