"""Tests that the work for all combinations grows in proportion to their number and no faster.

The tests count function calls, which are the same on every machine.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lifecycle.app.build_output import result_rows
from lifecycle.cache.cache import Cache
from lifecycle.config.gitops import GitOps
from lifecycle.gitops.repository_files import Files
from lifecycle.gitops.rollout_state import MERGED, BranchFiles, Values
from lifecycle.gitops.settings import written
from lifecycle.pipeline.build_service import BuildResult
from lifecycle.pipeline.build_state import BuildState
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.plan import make_plan
from lifecycle.planning.tags import references
from lifecycle.planning.targets import Kind, Targets, base_tag
from lifecycle.publish.published import PublishedImage
from tests.support.builders.projects import every_target, local_image, wide
from tests.support.fakes.engine import FakeEngine

# The first pays for what is done once in a process.
SIZES = (5, 10, 20, 40)
STRAIGHT = 1.01


def calls(work: Callable[[], object]) -> int:
    """Count the function calls of `work`."""
    count = 0

    def counting(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def bend(counts: list[int]) -> float:
    """Return the calls per release between the last two sizes, divided by those between the two before: 1 if linear."""
    _, first, second, third = counts
    return (third - second) / (SIZES[3] - SIZES[2]) / ((second - first) / (SIZES[2] - SIZES[1]))


def made(of: LockedProject, folder: Path) -> BuildResult:
    """Return the result of a build of all combinations that finds every target in the cache and the engine."""
    everything, combinations = every_target(of), of.matrix.combinations
    names = {c.id: references(of.component.image, c)[0] for c in combinations}
    images = [local_image(base_tag(t), digest=t.digest) for t in everything if t.kind is Kind.BASE]
    images += [local_image(names[t.name], digest=t.digest) for t in everything if t.kind is Kind.IMAGE]
    cache = Cache(folder)
    for target in everything:
        with cache.making(target.kind, target.digest, {}):
            pass
    state = BuildState(cache, FakeEngine(*images), of.component.image)
    plan = make_plan(Targets(of), combinations, state)
    return BuildResult(targets=Targets(of), combinations=combinations, plan=plan, outcome=None, state=state)


def test_the_matrix() -> None:
    projects = [wide(size) for size in SIZES]

    assert bend([calls(partial(getattr, project, "matrix")) for project in projects]) < STRAIGHT


def test_a_plan_of_what_is_there(tmp_path: Path) -> None:
    builds = [made(wide(size), tmp_path / str(size)) for size in SIZES]
    counts = [calls(partial(make_plan, Targets(b.targets.project), b.combinations, b.state)) for b in builds]

    assert all(build.plan.idle for build in builds)
    assert bend(counts) < STRAIGHT


def test_the_table_of_a_build(tmp_path: Path) -> None:
    builds = [made(wide(size), tmp_path / str(size)) for size in SIZES]

    assert bend([calls(partial(result_rows, b)) for b in builds]) < STRAIGHT


def values_of(project: LockedProject, folder: Path, file: str) -> Values:
    """Write a repository of all images' values, in `file` or in one file for each `{release}` in it, and return it."""
    section = {
        "repository": "x",
        "values": [{"file": file, "only": "previous", "set": {"images[id={kernel}/{driver}].digest": "{digest}"}}],
        "pools": [{"file": "shoot.yaml", "workers": "pools", "only": "old-1/535", "set": {"driver": "{driver}"}}],
    }
    trees: dict[str, dict[str, list[dict[str, str]]]] = {"shoot.yaml": {"pools": [{"name": "a-v1", "driver": "none"}]}}
    for c in project.matrix.combinations:
        images = trees.setdefault(file.format(release=c.release), {"images": []})["images"]
        images.append({"id": f"{c.kernel}/{c.driver}", "digest": "sha256:1"})
    folder.mkdir()
    for name, text in written(trees).items():
        (folder / name).write_text(text)
    tree = BranchFiles(Files(folder, tuple(trees)))
    return Values(project=project, section=GitOps.model_validate(section), branch="b", merged=tree, proposed=None)


def places(values: Values) -> set[str]:
    """Return the GitOps states of all combinations, each with a published image."""
    return {
        values.place(
            c, PublishedImage(combination=c.id, reference=f"r@{c.id}", tag="t", digest="sha256:1", size=1, inputs="i")
        ).gitops
        for c in values.project.matrix.combinations
    }


@pytest.mark.parametrize("file", ["{release}.yaml", "all.yaml"])
def test_the_places_in_a_gitops_repository(tmp_path: Path, file: str) -> None:
    repositories = [values_of(wide(size), tmp_path / str(size), file) for size in SIZES]
    found: set[str] = set()
    counts = [calls(lambda r=r: found.update(places(r))) for r in repositories]  # type: ignore[misc]

    assert found == {MERGED}
    assert bend(counts) < STRAIGHT
