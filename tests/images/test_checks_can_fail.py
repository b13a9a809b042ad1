"""Every check is shown an image that is bad in one way, and has to turn red; all the others stay green.

The bad images are made of a good one, by a Dockerfile; `pytest tests/images` is then run on them as anybody would.
"""

import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

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

TAG = "nvidia-installer-test/bad"


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


@pytest.fixture
def corrupted(
    bad: Bad, good: Combination, material: Material, project: LockedProject, engine: docker.DockerClient, tmp_path: Path
) -> Iterator[str]:
    reference = references(project.component.image, good)[0]
    files: dict[str, bytes | Path] = {}
    instructions = [f"FROM {reference}", bad.dockerfile]
    if bad.corrupt:
        archive = bad.archive if bad.archive == "userspace" else f"{bad.archive}-{good.module_types[0]}"
        unpack(engine, reference, archive, tmp_path / "tree")
        bad.corrupt(tmp_path / "tree", material)
        pack_with_modes(tmp_path / "tree", tmp_path / "archive")
        files["archive"] = tmp_path / "archive"
        instructions.append(f"COPY archive {HOME}/{archive}.tar.zst")
    files["Dockerfile"] = "\n".join(instructions).encode()
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        write_members(tar, files)
    context.seek(0)
    tag = f"{TAG}:{re.sub('[^a-z]+', '-', bad.name.lower())}"
    engine.images.build(fileobj=context, custom_context=True, tag=tag, rm=True, forcerm=True)
    yield tag
    engine.images.remove(tag, force=True)


@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
def test_a_bad_image_turns_exactly_its_own_checks_red(bad: Bad, good: Combination, corrupted: str) -> None:
    command = [sys.executable, "-m", "pytest", "tests/images", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider"]
    options = ["--image", corrupted, "--combination", good.id, "--deselect", "tests/images/test_checks_can_fail.py"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    red = set(re.findall(r"^(?:FAILED|ERROR) \S+::(\w+)", done.stdout, re.MULTILINE))

    assert red == set(bad.fails), done.stdout
    assert done.returncode == 1


def test_every_check_has_been_seen_failing() -> None:
    checks = {
        name
        for path in sorted(Path(__file__).parent.glob("test_*.py"))
        if path.name in ("test_image.py", "test_modules.py", "test_userspace.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }

    assert checks == {name for bad in BAD for name in bad.fails}
