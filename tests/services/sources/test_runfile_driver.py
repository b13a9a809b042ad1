"""A driver's real files out of an installer or an archive of NVIDIA's kind: the same user space as out of Debian's packages."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.cache.results import archive_of
from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.package import Packager
from lifecycle.pipeline.unpack import Unpacker
from lifecycle.planning.locked_project import LockedProject, load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from tests.support.builders.runfiles import driver_archive, driver_runfile, with_runfile
from tests.support.checkout import ROOT


@pytest.fixture(scope="session")
def project() -> LockedProject:
    return load_locked_project(ROOT)


@pytest.fixture(scope="session")
def combination(project: LockedProject) -> Combination:
    return project.matrix.combinations[-1]


@pytest.mark.parametrize("make", [driver_runfile, driver_archive])
def test_the_user_space_is_the_same_as_out_of_packages(
    make: Callable[[Path, LockedDriver, Cache, Cache], LockedFile],
    project: LockedProject,
    combination: Combination,
    unpacker: Unpacker,
    tmp_path: Path,
) -> None:
    ours, driver = Cache(default_cache_dir(os.environ)), project.lock.driver_for(combination)
    packaged = Targets(project).userspace(combination)
    made = ours.result(packaged.kind, packaged.digest)
    assert made is not None, "run `invoke build` first"
    cache = unpacker.cache
    # Sources of one module type are enough to be left out; those of the other are the larger half of a file.
    one = driver.model_copy(update={"modules": {ModuleType.PROPRIETARY: driver.modules[ModuleType.PROPRIETARY]}})
    runfile = make(tmp_path, one, ours, cache)
    targets = Targets(with_runfile(project, combination, runfile))
    # Only the contents are compared.
    packager = Packager(targets=targets, cache=cache, threads=2, level=1)
    found = packager.userspace(combination, unpacker).contents

    wanted = archive_of(made).contents
    files = {name: sha256 for name, sha256 in wanted.items() if not sha256.startswith("->") and "share/" not in name}
    assert {name: found.get(name) for name in files} == files
    assert {name for name in found if name not in wanted} == {"share/doc/nvidia-driver/LICENSE"}
    sonames = {f"lib/{name}" for name in ("libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1")}
    assert {name: found[name] for name in sonames} == {name: wanted[name] for name in sonames}
