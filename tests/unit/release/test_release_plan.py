"""Tests of planning a release's steps from the state of the checkout and its remote."""

from dataclasses import replace
from typing import Any

import pytest

from lifecycle.release.release_plan import (
    BadVersionError,
    ForgeState,
    ReleaseState,
    Step,
    checked_version,
    newest,
    plan,
    problems,
)

FRESH = ReleaseState(
    declared="1.0.0",
    changed=(),
    branch="main",
    on_branch="main",
    head="a" * 40,
    remote=True,
    remote_head="a" * 40,
    remote_has_head=True,
    head_has_remote=True,
    tags=("v1.0.0", "v0.9.0", "other"),
    tag_commit=None,
    remote_tag_commit=None,
    entry="- Something.",
    heading=False,
    unlocked="",
    unpushed=("debian-12/k/535",),
    untested=(),
    unbuilt=(),
    held=(),
    chart=f"sha256:{'c' * 64}",
    registry_chart=None,
    notes_written=False,
    forge=ForgeState(what="v1.1.0 at github.com: notes and SBOMs"),
    gitops="",
)
COMMITTED = replace(FRESH, declared="1.1.0", heading=True, remote_has_head=False)
DONE = replace(
    COMMITTED,
    remote_has_head=True,
    tag_commit="a" * 40,
    remote_tag_commit="a" * 40,
    tags=(*FRESH.tags, "v1.1.0"),
    unpushed=(),
    registry_chart=FRESH.chart,
    notes_written=True,
    forge=ForgeState(done="github.com has v1.1.0"),
    gitops="main has it all",
)


def todo(world: ReleaseState) -> list[Step]:
    return [planned.step for planned in plan(world, "1.1.0") if planned.run]


def test_a_fresh_release_does_all_the_steps_in_their_order() -> None:
    assert todo(FRESH) == list(Step)
    assert problems(FRESH, "1.1.0") == []


@pytest.mark.parametrize("done", range(len(Step) + 1))
def test_a_release_that_was_stopped_goes_on_from_there(done: int) -> None:
    fields = [
        ("declared", "heading", "remote_has_head"),
        ("remote_has_head",),
        ("tag_commit", "tags"),
        ("remote_tag_commit",),
        ("unpushed",),
        ("registry_chart",),
        ("notes_written",),
        ("forge",),
        ("gitops",),
    ]
    world = FRESH
    for number, names in enumerate(fields[:done]):
        source = COMMITTED if number == 0 else DONE
        world = replace(world, **{name: getattr(source, name) for name in names})

    assert todo(world) == list(Step)[done:]
    assert problems(world, "1.1.0") == []


def test_another_chart_of_the_version_in_the_registry_blocks_the_release() -> None:
    (problem,) = problems(replace(FRESH, registry_chart="sha256:other"), "1.1.0")

    assert problem == "the registry has another chart 1.1.0, sha256:other: name a newer --version"


def test_a_version_that_a_pull_request_has_raised_only_gets_its_heading() -> None:
    assert plan(replace(FRESH, declared="1.1.0"), "1.1.0")[0].reason == "CHANGELOG.md has no heading for it"


def test_without_a_remote_nothing_is_pushed_to_it() -> None:
    page = ForgeState(done="there is no remote")
    alone = replace(FRESH, remote=False, remote_head=None, remote_has_head=False, head_has_remote=False, forge=page)

    assert todo(alone) == [Step.COMMIT, Step.TAG, Step.IMAGES, Step.CHART, Step.NOTES, Step.GITOPS]
    assert problems(alone, "1.1.0") == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"changed": (" M tasks.py", "?? x")}, "changes that are not committed: tasks.py, x: commit or remove them"),
        ({"on_branch": "fix"}, "fix is checked out: releases are made from main"),
        ({"head_has_remote": False}, "commits that are not here: `git pull --rebase`"),
        ({"tags": ("v1.1.1",)}, "1.1.0 is not newer than 1.1.1: name a newer --version"),
        ({"remote_tag_commit": "b" * 40}, "1.1.0 is released, of commit bbbbbbbbbbbb: name a newer --version"),
        ({"remote": False, "tag_commit": "b" * 40}, "1.1.0 is released, of commit bbbbbbbbbbbb"),
        ({"entry": ""}, "CHANGELOG.md has no entry for 1.1.0"),
        ({"unlocked": "versions.lock does not have x: run `invoke fetch`"}, "versions.lock does not have x"),
        ({"unbuilt": ("a/b/c",)}, "not built: a/b/c: `invoke build`"),
        ({"untested": ("a/b/c",)}, "not tested: a/b/c: `nox -s test_images`"),
        ({"forge": ForgeState(problem="INVOKE_RELEASE_TOKEN is not set")}, "INVOKE_RELEASE_TOKEN is not set"),
    ],
)
def test_what_stands_against_it_is_a_sentence_with_what_to_do(change: dict[str, Any], sentence: str) -> None:
    (found,) = problems(replace(FRESH, **change), "1.1.0")

    assert sentence in found


def test_a_page_that_nobody_asked_for_is_skipped_with_the_reason() -> None:
    page = ForgeState(done="component.yaml has no release")
    (step,) = [planned for planned in plan(replace(FRESH, forge=page), "1.1.0") if planned.step is Step.FORGE]

    assert (step.run, step.reason) == (False, "component.yaml has no release")


def test_a_commit_alone_as_ci_checks_it_out_is_fine() -> None:
    assert problems(replace(FRESH, on_branch=""), "1.1.0") == []


def test_a_tag_that_never_came_to_the_remote_is_made_anew() -> None:
    rebased = replace(COMMITTED, tag_commit="b" * 40)

    assert Step.TAG in todo(rebased)
    assert problems(rebased, "1.1.0") == []


def test_what_is_published_is_finished_although_others_went_on() -> None:
    behind = replace(DONE, head_has_remote=False, gitops="")

    assert (problems(behind, "1.1.0"), todo(behind)) == ([], [Step.GITOPS])


@pytest.mark.parametrize("version", ["", "1.0", "v1.0.0", "1.0.0-rc1", "1.0.0\n", "../1.0.0", "1.0.٣"])
def test_a_version_is_three_numbers(version: str) -> None:
    with pytest.raises(BadVersionError, match="write three numbers, such as 1"):
        checked_version(version)


def test_a_version_that_is_none_is_named_with_its_option() -> None:
    with pytest.raises(BadVersionError, match=r"^--release 'x': write three numbers"):
        checked_version("x", "--release")


def test_the_version_before_is_the_newest_that_is_older() -> None:
    tags = ["v1.0.0", "v1.10.0", "v1.9.0", "v2.0.0", "nightly", "v1.10.0-rc1"]

    assert newest(tags) == "2.0.0"
    assert newest(tags, below="2.0.0") == "1.10.0"
    assert newest(tags, below="1.0.0") is None


def test_images_that_wait_for_the_second_builder_are_pushed_again() -> None:
    waiting = replace(DONE, held=("debian-12/k/535",))
    (images,) = (planned for planned in plan(waiting, "1.1.0") if planned.step is Step.IMAGES)

    assert (images.run, images.reason) == (True, "1 that wait for the second builder")
