"""Edits of component.yaml and image_versions: checked against the sources, printed as a diff, then written."""

import difflib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.config.component import parse_component
from lifecycle.config.image_versions import parse_image_versions
from lifecycle.config.lock import Lock
from lifecycle.config.validation import read_text
from lifecycle.planning.matrix import expand
from lifecycle.planning.project import COMPONENT, IMAGE_VERSIONS, LOCK
from lifecycle.sources.fetch import describe_changes
from lifecycle.tools.terminal.console import OutputConsole
from lifecycle.versions.edits import ProjectFiles
from lifecycle.yamledit.own_files import OwnFile

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def today() -> str:
    """Return today's date in UTC as YYYY-MM-DD, for the comment of a retired line."""
    return datetime.now(UTC).date().isoformat()


def show_edit(
    session: Session,
    edit: Callable[[ProjectFiles], ProjectFiles],
    *,
    dry_run: bool,
    as_json: bool = False,
    update: bool = False,
    extra: Mapping[str, object] | None = None,
) -> None:
    """Edit the files, resolve new declarations, or all with `update`, and print the diff; write it unless `dry_run` is set.

    `extra` is added to the JSON. Raises what the edit raises, ConfigurationError if the result is invalid, and what the sources
    raise, such as PackageNotFoundError. Nothing is written then.
    """
    with session.exclusive():
        done = _apply(session, edit, dry_run=dry_run, as_json=as_json, update=update)
    if as_json:
        output.print_json({"dry_run": dry_run, **done, **(extra or {})})


def _apply(
    session: Session, edit: Callable[[ProjectFiles], ProjectFiles], *, dry_run: bool, as_json: bool, update: bool
) -> dict[str, object]:
    """Return the edits, the moves of locked versions and the diff, for JSON."""
    before = ProjectFiles(
        component=OwnFile(read_text(session.root / COMPONENT), COMPONENT.name),
        images=read_text(session.root / IMAGE_VERSIONS),
    )
    after = edit(before)
    texts = {COMPONENT: after.component.text, IMAGE_VERSIONS: after.images}
    project = replace(
        session.project,
        component=parse_component(after.component.text, file=COMPONENT.name),
        images=parse_image_versions(after.images, file=IMAGE_VERSIONS.name),
    )
    lock = session.sources.resolver.resolve(project, Lock() if update else session.project.lock, locked=False)
    expand(project.component, lock, project.series)
    for line in after.log:
        session.progress.say(line)
    moved = describe_changes(session.project.lock, lock)
    for line in moved:
        session.progress.warn(line)
    diff = list(_diff(session.root, texts))
    if not as_json:
        print_diff(diff)
    if not dry_run:
        _write(session.root, {**texts, LOCK: lock.dump()})
    return {"done": list(after.log), "locked": list(moved), "diff": diff}


def print_diff(lines: Iterable[str]) -> None:
    """Print a diff on stdout, coloured on a terminal."""
    if not sys.stdout.isatty():
        output.print_lines(lines)
        return
    console = OutputConsole(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line, style=_STYLES.get(line[:1], ""), markup=False)


def _diff(root: Path, texts: Mapping[Path, str]) -> Iterator[str]:
    for name, text in texts.items():
        old = (root / name).read_text(encoding="utf-8").splitlines()
        yield from difflib.unified_diff(old, text.splitlines(), f"a/{name}", f"b/{name}", n=1, lineterm="")


def _write(root: Path, texts: Mapping[Path, str]) -> None:
    """Write all new files beside the old ones, then replace the old ones, so that a full disk changes none."""
    parts = {root / name: (root / name).with_name(f".{name.name}.part") for name in texts}
    for name, text in texts.items():
        parts[root / name].write_text(text, encoding="utf-8")
    for path, part in parts.items():
        part.replace(path)
