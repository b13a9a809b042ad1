"""The images of the current matrix, each in a container, and the driver in it unpacked.

`--image REFERENCE` and `--combination ID` check one image by another name in place of the matrix's own; that is how
test_checks_can_fail.py shows each check a bad image.
"""

import os
from collections.abc import Iterator

import docker
import pytest
import testinfra
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.checks.symvers import Symvers, symvers_of_headers
from lifecycle.planning.locked_project import LockedProject, load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import references
from tests.support import builder_images
from tests.support.checkout import ROOT
from tests.support.combinations import runnable
from tests.support.machines.installer import Installer
from tests.support.tested_images import Record, image_ids, is_whole


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only", default="", help="which combinations, as in `invoke build --only`")
    parser.addoption("--image", default="", help="check this image instead of the matrix's own; needs --combination")
    parser.addoption("--combination", default="", help="the combination that --image claims to be")


def pytest_configure(config: pytest.Config) -> None:
    if is_whole(config):
        only = config.getoption("--only")
        config.pluginmanager.register(Record(only, image_ids(only)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "combination" in metafunc.fixturenames:
        only = metafunc.config.getoption("--combination") or metafunc.config.getoption("--only")
        combinations = runnable(only)
        metafunc.parametrize("combination", combinations, ids=[c.id for c in combinations], scope="session")


class ByCombination(LoadScopeScheduling):  # type: ignore[misc] # is not installed where types are checked
    """A scheduler that gives all tests of a combination to one worker, which unpacks its driver and signs its modules once.

    `--dist=loadgroup` of pytest-xdist 3.8 does not group with pytest 9.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((c.id for c in runnable("") if f"[{c.id}" in nodeid), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByCombination:
    return ByCombination(config, log)


@pytest.fixture(scope="session")
def project() -> LockedProject:
    return load_locked_project(ROOT)


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def installer(
    combination: Combination,
    project: LockedProject,
    engine: docker.DockerClient,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installer]:
    reference = request.config.getoption("--image") or references(project.component.image, combination)[0]
    try:
        engine.images.get(reference)
    except docker.errors.ImageNotFound:
        pytest.fail(f"no image {reference} in the engine: run `invoke build --only {combination.id}`")
    container = engine.containers.run(
        reference, ["infinity"], entrypoint="sleep", detach=True, network_mode="none", init=True
    )
    try:
        host = testinfra.get_host(f"docker://{container.id}")
        yield Installer(combination, reference, container, host, tmp_path_factory.mktemp("modules"))
    finally:
        container.remove(force=True, v=True)


@pytest.fixture(scope="session")
def kernel_image(combination: Combination, project: LockedProject, request: pytest.FixtureRequest) -> str:
    """Return the image with the headers of each kernel once."""
    first = next(c for c in project.matrix.combinations if c.kernel == combination.kernel)
    if combination != first or request.config.getoption("--image"):
        pytest.skip("one combination of each kernel is enough")
    return builder_images.kernel_image(combination, project)


@pytest.fixture(scope="session")
def symvers(combination: Combination, project: LockedProject) -> Symvers:
    """Return the Module.symvers of the kernel's headers package that the lock names."""
    headers = project.lock.kernels[f"{combination.release}/{combination.architecture}"].headers
    cache = Cache(default_cache_dir(os.environ))
    return symvers_of_headers(
        {file.name: cache.blob(file.sha256) for file in headers if file.name.endswith(combination.kernel)}
    )
