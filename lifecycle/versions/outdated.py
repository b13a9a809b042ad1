"""Outdated versions, printed by `invoke outdated` and updated by `invoke update`."""

from datetime import UTC, datetime

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.versions.apply_edit import show_edit
from lifecycle.versions.available import AvailabilityReader
from lifecycle.versions.edits import ProjectFiles
from lifecycle.versions.updates import OutdatedItem, find_outdated


def outdated_items(session: Session) -> list[OutdatedItem]:
    """Return the outdated items, from all sources. Raises NotLockedError, and what the sources raise."""
    project = session.locked_project
    reader = AvailabilityReader.of(session.sources, session.progress.say)
    return find_outdated(project, reader.read(project.component), datetime.now(UTC).date())


def show_outdated(session: Session, *, as_json: bool) -> str:
    """Print the outdated items, as a table or as JSON. Return the next step. Raises as `outdated_items`."""
    with session.exclusive():
        items = outdated_items(session)
    if as_json:
        output.print_json(
            [
                {"topic": item.kind, "what": item.subject, "has": item.current, "offered": item.available}
                for item in items
            ]
        )
    elif items:
        rows = [(str(item.kind), item.subject, item.current or "–", item.available or "–") for item in items]
        output.print_table(f"{len(items)} outdated", ["kind", "name", "current", "available"], rows)
    else:
        output.print_lines(["everything is up to date"])
    return "invoke update --dry-run" if any(item.edit for item in items) else ""


def show_update(session: Session, *, dry_run: bool, as_json: bool) -> None:
    """Update all outdated items: edit the files, resolve everything again, print the diff, and write it unless `dry_run`."""

    def edit(files: ProjectFiles) -> ProjectFiles:
        for item in outdated_items(session):
            files = item.edit(files) if item.edit else files
        return files

    show_edit(session, edit, dry_run=dry_run, as_json=as_json, update=True)
