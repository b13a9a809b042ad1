"""The changes since the last release: of the matrix and its images, and those that the changelog tells."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lifecycle.app.session import Session
from lifecycle.commands.revisions import UnreadableRevisionError, differences
from lifecycle.config.validation import read_text
from lifecycle.planning.matrix_diff import MatrixDiff
from lifecycle.release.changelog import unreleased_entry
from lifecycle.release.release_plan import newest, tag_name
from lifecycle.release.release_state import CHANGELOG
from lifecycle.tools.checkout import Checkout, CheckoutError, NotARepositoryError

_CODE = re.compile(r"`([^`]*)`")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of a sentence: plain text or code."""

    text: str
    is_code: bool


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A heading of the changelog with its entries."""

    title: str
    entries: tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The changes since the release `since`, which is None before the first one.

    `diff` is None without an older release, or if its files cannot be read. `reasons` has the combinations by the reason for
    which they were rebuilt.
    """

    commit: str
    branch: str
    modified: bool
    since: str | None
    diff: MatrixDiff | None
    reasons: Mapping[str, tuple[str, ...]]
    chapters: tuple[Chapter, ...]


def read_changes(session: Session) -> Changes:
    """Return the changes of a checkout. Outside a git repository there is neither a commit nor an older release."""
    checkout = Checkout(session.root)
    try:
        commit, branch, modified = checkout.commit() or "", checkout.branch(), bool(checkout.changed())
        since = newest(tuple(checkout.tags()))
    except NotARepositoryError:
        commit, branch, modified, since = "", "", False, None
    diff = _diff(session, since) if since else None
    path, version = session.root / CHANGELOG, session.project.component.version
    entry = unreleased_entry(read_text(path), version) if path.exists() else ""
    return Changes(
        commit=commit,
        branch=branch,
        modified=modified,
        since=since,
        diff=diff,
        reasons=diff.by_reason() if diff else {},
        chapters=tuple(chapters_of(entry)),
    )


def _diff(session: Session, since: str) -> MatrixDiff | None:
    try:
        return differences(session.root, tag_name(since), session.locked_project)
    except (UnreadableRevisionError, CheckoutError):
        return None


def chapters_of(entry: str) -> list[Chapter]:
    """Return the chapters of a changelog's entry: `### Heading`, and list items of `- text` with indented lines below."""
    chapters: list[tuple[str, list[str]]] = []
    for line in entry.splitlines():
        if line.startswith("### "):
            chapters.append((line.removeprefix("### ").strip(), []))
        elif line.startswith("- "):
            if not chapters:
                chapters.append(("Changes", []))
            chapters[-1][1].append(line.removeprefix("- "))
        elif line.strip() and chapters and chapters[-1][1]:
            chapters[-1][1][-1] += f" {line.strip()}"
    return [Chapter(title=title, entries=tuple(map(pieces_of, entries))) for title, entries in chapters]


def pieces_of(text: str) -> tuple[Piece, ...]:
    """Return the plain text and the code of a sentence in Markdown."""
    parts = _CODE.split(text)
    return tuple(Piece(text=part, is_code=bool(index % 2)) for index, part in enumerate(parts) if part)
