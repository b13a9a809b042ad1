"""Signing with the kernels' own sign-file, in their real builders: modules of images, and a key thrown away afterwards."""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import docker
import pytest

from lifecycle.app.session import Session
from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.checks.fit import Problem, check_modules
from lifecycle.checks.kernel_module import read_module
from lifecycle.checks.signature import read_signature, split_signature
from lifecycle.checks.symvers import Symvers
from lifecycle.config.image_versions import builder_title
from lifecycle.pipeline.build_service import BuildRequest
from lifecycle.pipeline.compile import Compiler
from lifecycle.pipeline.sign import ModuleSigner
from lifecycle.pipeline.signing_key import SigningKey
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Kind, Targets, base_tag
from lifecycle.tools.engine.container import LABEL_OWNER
from lifecycle.tools.engine.docker_engine import DockerEngine, owner_of
from lifecycle.tools.engine.engine import Engine
from tests.support.builders.signing_keys import Pair, make_pair
from tests.support.checkout import ROOT
from tests.support.expectations import expectation
from tests.support.machines.installer import Installer

NAME = "Signs in a test"


@dataclass(frozen=True)
class Signed:
    """Modules before and after they were signed, twice, in caches of their own; what the engine said of the containers."""

    before: Path
    folders: tuple[Path, Path]
    caches: tuple[Path, Path]
    inspected: list[str]


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("ours"), NAME)


@pytest.fixture(scope="session")
def unsigned(
    combination: Combination,
    project: LockedProject,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return a folder with the unsigned modules of one image of each kernel."""
    first = next(c for c in project.matrix.combinations if c.kernel == combination.kernel)
    if combination != first or request.config.getoption("--image"):
        pytest.skip("one image of each kernel is enough")
    installer: Installer = request.getfixturevalue("installer")
    folder = tmp_path_factory.mktemp("unsigned")
    for path in installer.modules(combination.module_types[0]):
        data = path.read_bytes()
        (folder / path.name).write_bytes(split_signature(data)[0] if read_module(path).signed else data)
    return folder


@pytest.fixture(scope="session")
def signed(
    combination: Combination,
    unsigned: Path,
    project: LockedProject,
    pair: Pair,
    engine: docker.DockerClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> Signed:
    caches = (tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("cache"))
    session, docker_engine = Session(ROOT, cache_dir="", environ=os.environ), DockerEngine(os.environ)
    session.engine = docker_engine
    with closing(docker_engine.client):
        session.build_service().build(BuildRequest(only=combination.id, last=Kind.BASE, dry_run=False, locked=True))
        session.build_service().fetch(project, lambda _: [combination], locked=True)
        targets = Targets(replace(project, signer=pair.signer))
        with watching(engine) as inspected:
            first, second = (sign(session.engine, targets, combination, pair, unsigned, cache) for cache in caches)
    return Signed(unsigned, (first, second), caches, inspected)


def sign(engine: Engine, targets: Targets, combination: Combination, pair: Pair, modules: Path, folder: Path) -> Path:
    """Copy the modules to a separate cache as compiled ones, sign them there, and return the folder of the signed ones."""
    cache = Cache(folder)
    (folder / "blobs").symlink_to(default_cache_dir(os.environ) / "blobs")
    module_type = combination.module_types[0]
    compiled = targets.compiled(combination, module_type)
    about: dict[str, object] = {"modules": {path.name: {"size": path.stat().st_size} for path in modules.glob("*.ko")}}
    with cache.making(compiled.kind, compiled.digest, about) as made:
        for path in modules.glob("*.ko"):
            shutil.copyfile(path, made / path.name)
    compiler = Compiler(targets=targets, cache=cache, engine=engine)
    builder = compiler.builder(base_tag(targets.builder(combination)), builder_title(combination.release))
    key = SigningKey(signer=pair.signer, name=NAME, pem=pair.key.read_bytes())
    hands = ModuleSigner(targets=targets, cache=cache, engine=engine, key=key)
    return hands.sign(combination, module_type, builder).folder


@contextmanager
def watching(engine: docker.DockerClient) -> Iterator[list[str]]:
    """Yield a list of all that `docker inspect` and `docker top` say of each of our containers when it has started."""
    seen: list[str] = []
    # Of this process: the other workers of the session sign too.
    own = f"{LABEL_OWNER}={owner_of(os.getpid())}"
    events = engine.events(filters={"event": "start", "label": own}, decode=True)

    def look() -> None:
        for event in events:
            container = engine.containers.get(event["id"])
            seen.append(json.dumps([container.attrs, container.top()]))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        events.close()
        thread.join()


def test_every_module_carries_a_signature_that_holds(signed: Signed, pair: Pair) -> None:
    found = {path.name: read_signature(path, pair.signer) for path in signed.folders[0].glob("*.ko")}

    assert {(s.state, s.signer, s.hash) for s in found.values()} == {("valid", NAME, "sha256")}
    assert sorted(found) == sorted(path.name for path in signed.before.iterdir())


def test_signed_modules_fit_the_kernel_as_the_unsigned_ones_did(
    signed: Signed, pair: Pair, combination: Combination, symvers: Symvers
) -> None:
    modules = [read_module(path) for path in sorted(signed.folders[0].glob("*.ko"))]

    assert check_modules(modules, replace(expectation(combination, symvers), signer=pair.signer)) == ()


def test_unsigned_modules_are_all_said_to_be_so(
    unsigned: Path, pair: Pair, combination: Combination, symvers: Symvers
) -> None:
    modules = [read_module(path) for path in sorted(unsigned.glob("*.ko"))]
    findings = check_modules(modules, replace(expectation(combination, symvers), signer=pair.signer))

    assert [finding.problem for finding in findings] == [Problem.UNSIGNED] * len(modules)


def test_signing_twice_gives_the_same_bytes(signed: Signed) -> None:
    first, second = ({p.name: p.read_bytes() for p in folder.glob("*.ko")} for folder in signed.folders)

    assert first == second


@pytest.mark.parametrize("at", [64, -1000], ids=["in the module", "in the signature"])
def test_one_changed_byte_is_found(signed: Signed, pair: Pair, tmp_path: Path, at: int) -> None:
    path = tmp_path / "nvidia-drm.ko"
    data = bytearray((signed.folders[0] / path.name).read_bytes())
    content, signature = split_signature(bytes(data))
    data[at if at > 0 else len(content) + len(signature) - 20] ^= 1
    path.write_bytes(data)

    assert read_signature(path, pair.signer).state == "wrong"


def test_another_certificate_of_the_same_name_is_not_the_signers(signed: Signed, tmp_path: Path) -> None:
    other = make_pair(tmp_path, NAME)

    assert read_signature(signed.folders[0] / "nvidia-drm.ko", other.signer).state == "wrong"


def test_the_key_is_in_no_container_description_argument_or_cached_file(signed: Signed, pair: Pair) -> None:
    secrets = pair.key.read_text().splitlines()[1:-1]
    files = [path for cache in signed.caches for path in cache.rglob("*") if path.is_file() and path.suffix != ".ko"]

    assert len(signed.inspected) == 2
    assert all("sign-modules" in text for text in signed.inspected)
    assert [line for line in secrets if any(line in text for text in signed.inspected)] == []
    assert [path for path in files if secrets[0].encode() in path.read_bytes()] == []
    assert [list((cache / "tmp").iterdir()) for cache in signed.caches] == [[], []]


def test_no_container_is_left(signed: Signed, engine: docker.DockerClient) -> None:
    owner = owner_of(os.getpid())

    assert engine.containers.list(all=True, filters={"label": f"{LABEL_OWNER}={owner}"}) == []
