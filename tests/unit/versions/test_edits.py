import pytest

from lifecycle.config.component import Channel, Release
from lifecycle.config.image_versions import builder_name
from lifecycle.versions import edits
from lifecycle.versions.edits import (
    AlreadyDeclaredError,
    CannotRetireLastError,
    InvalidReleaseError,
    LastChannelError,
    NotDeclaredError,
    ProjectFiles,
)
from lifecycle.versions.image_versions_edit import NoBuilderError
from lifecycle.yamledit.own_files import OwnFile
from tests.support.builders.projects import COMPONENT

DATE = "2026-11-24"
IMAGES = """\
# The head.
BUILDER_OLD_1=bootstrap:old-1
BUILDER_NEW_2=registry.example/kmodbuild:amd64-2
# BUILDER_NEW_4=registry.example/other:4

RUNTIME=bootstrap:new-2
"""
POLICY = "policy: {releasesPerChannel: 1, drivers: 2}\n"


def files(*edits: tuple[str, str], policy: str = POLICY, images: str = IMAGES) -> ProjectFiles:
    text = COMPONENT.replace("    new-2:\n", "    new-*:\n") + policy
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return ProjectFiles(
        component=OwnFile(text.replace("release: new-2", "release: old-1"), "component.yaml"), images=images
    )


def channels(of: ProjectFiles) -> dict[str, str]:
    return {release.name: str(release.channel) for release in of.parsed.context.releases}


def release(name: str, channel: str = "canary") -> Release:
    return edits.new_release(name, channel=channel, kernel="newest", flavour="cloud")


def comments(of: ProjectFiles) -> list[str]:
    return [line.strip() for line in of.component.text.splitlines() if DATE in line]


def test_a_new_release_gets_a_builder_like_its_siblings() -> None:
    done = edits.add_release(files(), release("new-3"), builder="", date=DATE)

    assert channels(done) == {"old-1": "previous", "new-2": "current", "new-3": "canary"}
    assert "BUILDER_NEW_3=registry.example/kmodbuild:amd64-3\n" in done.images
    assert done.log == ("added new-3 to the channel canary, built in registry.example/kmodbuild:amd64-3",)


def test_a_commented_out_builder_is_restored() -> None:
    done = edits.add_release(files(), release("new-4"), builder="", date=DATE)

    assert done.images == IMAGES.replace("# BUILDER_NEW_4", "BUILDER_NEW_4")


def test_an_explicit_builder_is_used() -> None:
    done = edits.add_release(files(), release("new-3"), builder="reg/b:1", date=DATE)

    assert done.images.splitlines()[2:4] == [
        "BUILDER_NEW_2=registry.example/kmodbuild:amd64-2",
        "BUILDER_NEW_3=reg/b:1",
    ]


def test_a_displaced_canary_is_retired() -> None:
    first = edits.add_release(files(), release("new-3"), builder="", date=DATE)
    done = edits.add_release(first, release("new-5"), builder="", date=DATE)

    assert channels(done) == {"old-1": "previous", "new-2": "current", "new-5": "canary"}
    assert comments(done) == [f"# - {{name: new-3, kernelFlavour: cloud, channel: canary}}  # retired {DATE}"]
    assert "\n# BUILDER_NEW_3=registry.example/kmodbuild:amd64-3\n" in done.images


def test_a_displaced_current_release_becomes_previous() -> None:
    done = edits.add_release(files(), release("new-3", "current"), builder="", date=DATE)

    assert channels(done) == {"old-1": "previous", "new-2": "previous", "new-3": "current"}


def test_releases_of_another_family_are_not_displaced() -> None:
    both = files(("{name: old-1, channel: previous}", "{name: old-1, channel: current}"))
    done = edits.add_release(both, release("new-3", "current"), builder="", date=DATE)

    assert channels(done)["old-1"] == "current"


def test_a_promotion_displaces_the_release_in_the_next_channel() -> None:
    three = files(("    - {name: new-2,", "    - {name: new-1, channel: previous}\n    - {name: new-2,"))
    three = edits.add_release(three, release("new-3"), builder="", date=DATE)
    done = edits.promote(three, "new-3", date=DATE)

    assert channels(done) == {"old-1": "previous", "new-2": "previous", "new-3": "current"}
    assert done.log[-3:] == (
        "retired new-1",
        "moved new-2 to the channel previous",
        "moved new-3 to the channel current",
    )


def test_a_driver_beyond_the_policy_retires_the_oldest() -> None:
    done = edits.add_driver(files(), "550.170.01", date=DATE)

    assert done.parsed.context.driver_version == ["550.163.01", "550.170.01"]
    assert comments(done) == [f"# - 535  # retired {DATE}"]


def test_an_older_driver_is_not_retired_when_it_is_added() -> None:
    done = edits.add_driver(files(), "535.100.01", date=DATE)

    assert done.parsed.context.driver_version == ["550.163.01", "535.100.01"]


def test_a_driver_is_replaced() -> None:
    done = edits.replace_driver(files(), "550.163.01", "550.170.01", date=DATE)

    assert done.parsed.context.driver_version == ["535", "550.170.01"]


def test_a_release_is_replaced_in_its_channel() -> None:
    done = edits.replace_release(files(), "new-2", release("new-3", "current"), date=DATE)

    assert channels(done) == {"old-1": "previous", "new-3": "current"}


def test_a_retired_release_that_is_added_again_leaves_no_comment() -> None:
    gone = edits.retire(files(), "new-2", date=DATE)
    back = edits.add_release(gone, release("new-2", "current"), builder="", date=DATE)

    assert comments(back) == []
    assert back.images == IMAGES
    assert channels(back) == channels(files())


def test_an_edit_keeps_all_other_lines() -> None:
    before = files()
    done = edits.promote(edits.add_release(before, release("new-3"), builder="", date=DATE), "new-3", date=DATE)
    kept = [line for line in before.component.text.splitlines() if "name: new-2" not in line]

    assert [line for line in done.component.text.splitlines() if "name: new-" not in line] == kept


@pytest.mark.parametrize(
    ("edit", "error", "said"),
    [
        (
            lambda f: edits.add_release(f, release("new-2"), builder="", date=DATE),
            AlreadyDeclaredError,
            "has new-2 already",
        ),
        (lambda f: edits.add_driver(f, "535", date=DATE), AlreadyDeclaredError, "has driver 535 already"),
        (lambda f: edits.promote(f, "new-9", date=DATE), NotDeclaredError, "has no 'new-9': it has old-1, new-2"),
        (lambda f: edits.retire(f, "999", date=DATE), NotDeclaredError, "has no '999': it has old-1, new-2, 535, 550"),
        (
            lambda f: edits.promote(f, "old-1", date=DATE),
            LastChannelError,
            "run `invoke retire old-1` to remove it",
        ),
        (lambda f: edits.add_release(f, release("odd-1"), builder="", date=DATE), NoBuilderError, "with --builder"),
        (lambda _: release("Not A Name"), InvalidReleaseError, "no release can be called 'Not A Name'"),
        (lambda _: release("new-3", "beta"), InvalidReleaseError, "a channel out of previous, current, canary"),
    ],
)
def test_an_impossible_edit_raises_an_error_with_the_reason(edit: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        edit(files())  # type: ignore[operator]


def test_the_only_release_or_driver_is_not_retired() -> None:
    one = files(("    - {name: old-1, channel: previous}\n", ""), ("    - 535\n", ""))
    for what in ("new-2", "550.163.01"):
        with pytest.raises(CannotRetireLastError, match="is the only one: add another before you retire it"):
            edits.retire(one, what, date=DATE)


def test_a_family_is_the_leading_word_of_a_name() -> None:
    assert [edits.family_of(n) for n in ("gardenlinux-1592.10", "debian-13-backports")] == ["gardenlinux", "debian"]
    assert Channel("canary") is Channel.CANARY


@pytest.mark.parametrize(
    ("name", "builder"),
    [
        ("new-3", "reg/declared:amd64-3"),
        ("new-4", "reg/declared:amd64-4"),
        ("new-5", "reg/own:5"),
    ],
    ids=["before its sibling's", "before a commented line", "after an own line"],
)
def test_the_builder_that_a_source_declares_is_used(name: str, builder: str) -> None:
    declared = ("    new-*:\n", "    new-*:\n      builder: 'reg/declared:{architecture}-{version}'\n")
    own = IMAGES.replace("RUNTIME=", "BUILDER_NEW_5=reg/own:5\nRUNTIME=")
    done = edits.add_release(files(declared, images=own), release(name), builder="", date=DATE)

    assert f"\n{builder_name(name)}={builder}\n" in done.images
