"""The same inputs give the same bytes: modules are compiled again, in an empty cache, and compared with those at hand.

Each module type is compiled alone here, so the type that takes over another's conftest answers in a build is also held
against one that asked all questions itself. `nox -s test_reproducible -- -k open`; minutes a module type.
"""

import os
from pathlib import Path

import pytest

from lifecycle.model.image_versions import builder_name
from lifecycle.model.matrix import Combination
from lifecycle.model.project import load_project
from lifecycle.model.schema import ModuleType
from lifecycle.model.targets import Targets
from lifecycle.steps.base import base_tag
from lifecycle.steps.compile import CompileJob, Compiler
from lifecycle.tools.archive import manifest_of
from lifecycle.tools.engine import Engine
from lifecycle.tools.store import Result, Store, default_cache_dir

PROJECT = load_project(Path(__file__).resolve().parents[2])
MODULES = [(c, t) for c in PROJECT.matrix().combinations for t in c.module_types]


@pytest.mark.parametrize(("combination", "module_type"), MODULES, ids=[f"{c.id}/{t}" for c, t in MODULES])
def test_modules_compiled_again_are_the_same_bytes(
    combination: Combination, module_type: ModuleType, tmp_path: Path
) -> None:
    cache, targets = default_cache_dir(os.environ), Targets(PROJECT)
    target = targets.compiled(combination, module_type)
    at_hand = Store(cache).result(target.kind, target.digest)
    assert at_hand is not None, f"nothing to compare with: run `invoke compile --only {combination.id}`"

    (tmp_path / "blobs").symlink_to(cache / "blobs")
    compiler = Compiler(targets=targets, store=Store(tmp_path), engine=Engine(os.environ))
    name = builder_name(combination.release).lower().removeprefix("builder_")
    builder = compiler.builder(base_tag(targets.builder(combination)), name)
    again = compiler.compile(CompileJob(combination=combination, types=(module_type,)), builder, os.cpu_count() or 1)
    made = again[module_type]

    assert isinstance(made, Result), made
    assert modules_of(made) == modules_of(at_hand)


def modules_of(result: Result) -> dict[str, str]:
    return {name: digest for name, digest in manifest_of(result.folder).items() if name.endswith(".ko")}
