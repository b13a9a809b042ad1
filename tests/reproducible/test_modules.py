"""The same inputs give the same bytes: modules are compiled again, in an empty cache, and compared with those at hand.

Each module type is compiled alone here, without a word of what others have learnt of the kernel. So one that took over answers of
another type or driver in a build is also held against one that asked all questions itself.
`nox -s test_reproducible -- -k open`; minutes a module type.
"""

import os
from pathlib import Path

import pytest

from lifecycle.model.image_versions import builder_name
from lifecycle.model.matrix import Combination
from lifecycle.model.project import Project, load_project
from lifecycle.model.schema import ModuleType
from lifecycle.model.targets import Targets, base_tag
from lifecycle.steps.compile import CompileJob, Compiler
from lifecycle.tools.archive import manifest_of
from lifecycle.tools.engine import Engine
from lifecycle.tools.result_files import Result
from lifecycle.tools.store import Store, default_cache_dir
from tests.support.builders.runfiles import driver_runfile, with_runfile

PROJECT = load_project(Path(__file__).resolve().parents[2])
MODULES = [(c, t) for c in PROJECT.matrix().combinations for t in c.module_types]


@pytest.mark.parametrize(("combination", "module_type"), MODULES, ids=[f"{c.id}/{t}" for c, t in MODULES])
def test_modules_compiled_again_are_the_same_bytes(
    combination: Combination, module_type: ModuleType, tmp_path: Path
) -> None:
    at_hand = built(combination, module_type)
    (tmp_path / "blobs").symlink_to(default_cache_dir(os.environ) / "blobs")

    assert modules_of(compiled(PROJECT, combination, module_type, tmp_path)) == modules_of(at_hand)


@pytest.mark.parametrize(("combination", "module_type"), MODULES[-1:], ids=[f"{c.id}/{t}" for c, t in MODULES[-1:]])
def test_modules_of_nvidias_installer_and_of_packages_are_the_same_bytes(
    combination: Combination, module_type: ModuleType, tmp_path: Path
) -> None:
    at_hand, store = built(combination, module_type), Store(tmp_path / "cache")
    (tmp_path / "made").mkdir()
    source, driver = Store(default_cache_dir(os.environ)), Targets(PROJECT).driver(combination)
    runfile = driver_runfile(tmp_path / "made", driver, source, store)
    for file in Targets(PROJECT).kernel(combination).headers:
        store.blob(file.sha256).hardlink_to(source.blob(file.sha256))
    project = with_runfile(PROJECT, combination, runfile)

    assert modules_of(compiled(project, combination, module_type, store.root)) == modules_of(at_hand)


def built(combination: Combination, module_type: ModuleType) -> Result:
    target = Targets(PROJECT).compiled(combination, module_type)
    found = Store(default_cache_dir(os.environ)).result(target.kind, target.digest)
    assert found is not None, f"nothing to compare with: run `invoke compile --only {combination.id}`"
    return found


def compiled(project: Project, combination: Combination, module_type: ModuleType, cache: Path) -> Result:
    """A module type compiled alone, in a cache that has its inputs and no results."""
    targets = Targets(project)
    compiler = Compiler(targets=targets, store=Store(cache), engine=Engine(os.environ))
    name = builder_name(combination.release).lower().removeprefix("builder_")
    builder = compiler.builder(base_tag(targets.builder(combination)), name)
    job = CompileJob(combination=combination, types=(module_type,))
    made = compiler.compile(job, compiler.kernel(combination, builder), os.cpu_count() or 1)[module_type]
    assert isinstance(made, Result), made
    return made


def modules_of(result: Result) -> dict[str, str]:
    return {name: digest for name, digest in manifest_of(result.folder).items() if name.endswith(".ko")}
