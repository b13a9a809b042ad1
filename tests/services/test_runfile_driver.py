"""A driver's real files out of an installer of NVIDIA's kind: the same user space as out of Debian's packages."""

import os
from pathlib import Path

import pytest

from lifecycle.model.matrix import Combination
from lifecycle.model.project import Project, load_project
from lifecycle.model.targets import Targets
from lifecycle.steps.package import Packager
from lifecycle.tools.results import archive_of
from lifecycle.tools.store import Store, default_cache_dir
from lifecycle.tools.unpack import Unpacker
from tests.support.builders.runfiles import driver_runfile, with_runfile
from tests.support.checkout import ROOT


@pytest.fixture(scope="session")
def project() -> Project:
    return load_project(ROOT)


@pytest.fixture(scope="session")
def combination(project: Project) -> Combination:
    return project.matrix().combinations[-1]


def test_the_user_space_is_the_same_as_out_of_packages(
    project: Project, combination: Combination, unpacker: Unpacker, tmp_path: Path
) -> None:
    ours, driver = Store(default_cache_dir(os.environ)), Targets(project).driver(combination)
    packaged = Targets(project).userspace(combination)
    made = ours.result(packaged.kind, packaged.digest)
    assert made is not None, "run `invoke build` first"
    store = unpacker.store
    runfile = driver_runfile(tmp_path, driver, ours, store)
    targets = Targets(with_runfile(project, combination, runfile))
    found = Packager(targets=targets, store=store, threads=2).userspace(combination, unpacker).contents

    wanted = archive_of(made).contents
    files = {name: sha256 for name, sha256 in wanted.items() if not sha256.startswith("->") and "share/" not in name}
    assert {name: found.get(name) for name in files} == files
    assert {name for name in found if name not in wanted} == {"share/doc/nvidia-driver/LICENSE"}
    sonames = {f"lib/{name}" for name in ("libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1")}
    assert {name: found[name] for name in sonames} == {name: wanted[name] for name in sonames}
