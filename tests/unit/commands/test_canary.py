from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.commands.canary import CODE, canary_of, changed_code, reason_of
from lifecycle.config.component import Channel
from lifecycle.config.schema import Architecture
from lifecycle.planning.matrix import Combination, Matrix
from tests.support.builders.projects import project
from tests.support.checkout import ROOT
from tests.support.git import git

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64
ONE = project().matrix.combinations[0]


def chosen(*combinations: Combination) -> Combination | None:
    return canary_of(Matrix(combinations=combinations, excluded=(), warnings=()), AMD64)


def combination(channel: Channel, linux: str = "6.1", driver: str = "535.1", on: Architecture = AMD64) -> Combination:
    return replace(ONE, channel=channel, linux=linux, driver=driver, architecture=on)


PREVIOUS, CURRENT, CANARY = (combination(channel) for channel in (Channel.PREVIOUS, Channel.CURRENT, Channel.CANARY))


@pytest.mark.parametrize(
    ("combinations", "expected"),
    [
        ((CANARY, replace(CURRENT, linux="9")), CANARY),
        ((replace(PREVIOUS, linux="9"), CURRENT), CURRENT),
        ((PREVIOUS,), PREVIOUS),
        ((), None),
        ((replace(CURRENT, linux="6.9"), replace(CURRENT, linux="6.12")), replace(CURRENT, linux="6.12")),
        ((replace(CURRENT, driver="580.1"), replace(CURRENT, driver="535.1")), replace(CURRENT, driver="580.1")),
        ((replace(CANARY, architecture=ARM64, linux="9"), CANARY), CANARY),
        ((CURRENT, replace(CANARY, architecture=ARM64)), replace(CANARY, architecture=ARM64)),
    ],
)
def test_the_canary_is_the_newest_of_the_newest_channel(
    combinations: tuple[Combination, ...], expected: Combination | None
) -> None:
    assert chosen(*combinations) == expected


def test_of_two_that_are_as_new_the_first_is_the_canary() -> None:
    first, second = replace(CANARY, release="a"), replace(CANARY, release="b")

    assert chosen(first, second) == first


@pytest.mark.parametrize(
    ("files", "listed"),
    [
        (["tasks.py"], "tasks.py"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more files"),
    ],
)
def test_the_reason_names_files_and_why_no_other_image_is_built(files: list[str], listed: str) -> None:
    assert reason_of(files) == f"canary: {listed} changed, but no image would be rebuilt"


@pytest.mark.parametrize("path", [path for path in CODE if not path.startswith(":")])
def test_the_code_that_counts_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    "path", ["lifecycle/tools/engine/engine.py", "tests/images/x.py", "tests/chosen.py", "noxfile.py"]
)
def test_code_that_builds_or_tests_images_counts(committed: Path, path: str) -> None:
    (committed / path).parent.mkdir(parents=True, exist_ok=True)
    (committed / path).write_text("new\n")

    assert changed_code(committed, "HEAD") == [path]


@pytest.mark.parametrize(
    "path", ["tests/unit/x.py", "k8s/x.yaml", "docs/x.md", "benchmarks/x.py", "requirements/lint.txt"]
)
def test_other_files_do_not_count(committed: Path, path: str) -> None:
    (committed / path).parent.mkdir(parents=True, exist_ok=True)
    (committed / path).write_text("new\n")

    assert changed_code(committed, "HEAD") == []


def test_changed_deleted_staged_and_committed_files_count_alike(committed: Path) -> None:
    base = git(committed, "rev-parse", "HEAD")
    for name in ("tasks.py", "noxfile.py"):
        (committed / name).write_text("new\n")
        git(committed, "add", name)
    git(committed, "commit", "--quiet", "--message=one", "tasks.py")
    (committed / "lifecycle/errors.py").unlink()

    assert changed_code(committed, base) == ["lifecycle/errors.py", "noxfile.py", "tasks.py"]
