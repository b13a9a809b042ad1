from pathlib import Path

from lifecycle.app.session import Session
from lifecycle.report.changes import Piece, chapters_of, read_changes
from tests.support.git import git

ENTRY = "### Added\n\n- The task `invoke x`\n  prints `y`.\n- Two.\n\n### Fixed\n- Three.\n"


def session(folder: Path, cache: Path) -> Session:
    return Session(folder, cache_dir=str(cache), environ={})


def test_a_changelog_has_chapters_with_entries() -> None:
    assert [
        (one.title, ["".join(piece.text for piece in entry) for entry in one.entries]) for one in chapters_of(ENTRY)
    ] == [
        ("Added", ["The task invoke x prints y.", "Two."]),
        ("Fixed", ["Three."]),
    ]


def test_code_is_told_from_text() -> None:
    assert chapters_of("- a `b`")[0].entries[0] == (Piece(text="a ", is_code=False), Piece(text="b", is_code=True))


def test_text_outside_of_lists_is_left_out() -> None:
    assert chapters_of("Words.\n\n[link]: x\n") == []


def test_before_the_first_release_there_is_none_to_compare_with(committed: Path, tmp_path: Path) -> None:
    found = read_changes(session(committed, tmp_path / "cache"))

    assert (found.since, found.diff, found.branch, found.modified, len(found.commit)) == (None, None, "main", False, 40)


def test_changes_are_those_since_the_newest_release(committed: Path, tmp_path: Path) -> None:
    git(committed, "tag", "v0.1.0")
    git(committed, "tag", "v0.9.0")
    (committed / "scripts/node/nvidia-installer").write_text("#!/bin/bash\n")
    found = read_changes(session(committed, tmp_path / "cache"))

    assert found.since == "0.9.0"
    assert found.diff
    assert found.modified
    assert [len(ids) for ids in found.reasons.values()] == [len(found.diff.rebuilt)]
    assert list(found.reasons) == ["image: recipe: scripts/node/nvidia-installer changed"]


def test_a_release_with_unreadable_files_is_not_compared(committed: Path, tmp_path: Path) -> None:
    good = (committed / "component.yaml").read_text()
    (committed / "component.yaml").write_text("nonsense: 1\n")
    git(committed, "commit", "--quiet", "--all", "--message=bad")
    git(committed, "tag", "v1.0.0")
    (committed / "component.yaml").write_text(good)
    found = read_changes(session(committed, tmp_path / "cache"))

    assert (found.since, found.diff) == ("1.0.0", None)


def test_outside_a_repository_there_is_no_commit(checkout: Path, tmp_path: Path) -> None:
    found = read_changes(session(checkout, tmp_path / "cache"))

    assert (found.commit, found.since) == ("", None)
