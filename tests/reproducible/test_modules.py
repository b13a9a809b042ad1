"""The same inputs give the same bytes: modules are compiled again, in an empty cache, and compared with those of the last build.

Each module type is compiled alone here, without answers to conftest's questions, and by gcc alone, without fork servers. So the
modules of a build, which has both, are compared with modules that have neither.
`nox -s test_reproducible -- -k open`; minutes for each module type.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.cache.results import Result
from lifecycle.config.image_versions import builder_title
from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.compile import CompileJob, Compiler
from lifecycle.planning.locked_project import LockedProject, load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets, base_tag
from lifecycle.tools.archive import file_digests
from lifecycle.tools.engine.container import DockerContainer
from lifecycle.tools.engine.docker_engine import DockerEngine
from tests.support.builders.runfiles import driver_archive, driver_runfile, with_runfile

PROJECT = load_locked_project(Path(__file__).resolve().parents[2])
MODULES = [(c, t) for c in PROJECT.matrix.combinations for t in c.module_types]


@pytest.mark.parametrize(("combination", "module_type"), MODULES, ids=[f"{c.id}/{t}" for c, t in MODULES])
def test_modules_compiled_again_are_the_same_bytes(
    combination: Combination, module_type: ModuleType, tmp_path: Path
) -> None:
    at_hand = built(combination, module_type)
    (tmp_path / "blobs").symlink_to(default_cache_dir(os.environ) / "blobs")

    assert modules_of(compiled(PROJECT, combination, module_type, tmp_path)) == modules_of(at_hand)


@pytest.mark.parametrize(("combination", "module_type"), MODULES[-1:], ids=[f"{c.id}/{t}" for c, t in MODULES[-1:]])
@pytest.mark.parametrize("make", [driver_runfile, driver_archive])
def test_modules_of_nvidias_own_files_and_of_packages_are_the_same_bytes(
    make: Callable[[Path, LockedDriver, Cache, Cache], LockedFile],
    combination: Combination,
    module_type: ModuleType,
    tmp_path: Path,
) -> None:
    at_hand, cache = built(combination, module_type), Cache(tmp_path / "cache")
    (tmp_path / "made").mkdir()
    source, driver = Cache(default_cache_dir(os.environ)), PROJECT.lock.driver_for(combination)
    runfile = make(tmp_path / "made", driver, source, cache)
    for file in PROJECT.lock.kernel_for(combination).headers:
        cache.blob(file.sha256).hardlink_to(source.blob(file.sha256))
    project = with_runfile(PROJECT, combination, runfile)

    assert modules_of(compiled(project, combination, module_type, cache.root)) == modules_of(at_hand)


def built(combination: Combination, module_type: ModuleType) -> Result:
    target = Targets(PROJECT).compiled(combination, module_type)
    found = Cache(default_cache_dir(os.environ)).result(target.kind, target.digest)
    assert found is not None, f"nothing to compare with: run `invoke compile --only {combination.id}`"
    return found


def compiled(project: LockedProject, combination: Combination, module_type: ModuleType, cache: Path) -> Result:
    """Compile one module type alone and without fork servers, in a cache that has its inputs and no results."""
    targets = Targets(project)
    compiler = Compiler(targets=targets, cache=Cache(cache), engine=EngineWithoutForkServers(os.environ))
    builder = compiler.builder(base_tag(targets.builder(combination)), builder_title(combination.release))
    job = CompileJob(combination=combination, types=(module_type,))
    made = compiler.compile(job, compiler.kernel(combination, builder), os.cpu_count() or 1).modules[module_type]
    assert isinstance(made, Result), made
    return made


class EngineWithoutForkServers(DockerEngine):
    """An engine whose builders lack the source of the fork servers, so that gcc reads each source from its first line."""

    @contextmanager
    def container(
        self, image: str, *, env: Mapping[str, str], entrypoint: Sequence[str] | None = None, stdin: bool = False
    ) -> Iterator[DockerContainer]:
        """Yield a container as DockerEngine does, and remove that file before the entrypoint runs."""
        without = ["sh", "-c", 'rm /usr/local/bin/fork-server.c && exec "$@"', "sh", *(entrypoint or ())]
        with super().container(image, env=env, entrypoint=without, stdin=stdin) as container:
            yield container


def modules_of(result: Result) -> dict[str, str]:
    return {name: digest for name, digest in file_digests(result.folder).items() if name.endswith(".ko")}
