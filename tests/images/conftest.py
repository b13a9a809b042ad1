"""The images of the current matrix, each in a container, and the driver in it unpacked.

`--image REFERENCE` and `--combination ID` check one image by another name in place of the matrix's own; that is how
test_checks_can_fail.py shows each check a bad image.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import docker
import pytest
import testinfra
from docker.models.containers import Container
from testinfra.host import Host

from lifecycle.model.matrix import Combination
from lifecycle.model.project import Project, load_project
from lifecycle.model.schema import ModuleType
from lifecycle.model.tags import references
from tests.chosen import ROOT, runnable
from tests.images.record import Record, image_ids, is_whole

HOME = "/opt/nvidia-installer"


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


@dataclass(frozen=True)
class Installer:
    """An image under test, in a container that sleeps, with each module type unpacked by the image's own script."""

    combination: Combination
    reference: str
    container: Container
    host: Host
    copies: Path

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.container.image.labels)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return dict(json.loads(self.host.file(f"{HOME}/manifest.json").content_string))

    def tree(self, module_type: ModuleType) -> str:
        """The folder in the container that holds user space and the modules of a type."""
        folder = f"/unpacked/{module_type}"
        if not self.host.file(folder).exists:
            self.host.run_expect([0], f"KERNEL_MODULE_TYPE={module_type} {HOME}/bin/nvidia-installer unpack %s", folder)
        return folder

    def module_names(self, module_type: ModuleType) -> list[str]:
        found = self.host.check_output("find %s/lib/modules -name '*.ko' -printf '%%f\n'", self.tree(module_type))
        return sorted(found.split())

    def modules(self, module_type: ModuleType) -> list[Path]:
        """The modules, copied out of the container, to be read as ELF files."""
        out = self.copies / str(module_type)
        if not out.exists():
            source = f"{self.container.id}:{self.tree(module_type)}/lib/modules/{self.combination.kernel}"
            out.mkdir(parents=True)
            subprocess.run(["docker", "cp", source, str(out)], check=True, capture_output=True)
        return sorted(out.rglob("*.ko"))


@pytest.fixture(scope="session")
def project() -> Project:
    return load_project(ROOT)


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def installer(
    combination: Combination,
    project: Project,
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
