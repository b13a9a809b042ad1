"""What the sources offer that the component does not have, shown and taken. `invoke outdated`, `invoke update`."""

from datetime import UTC, datetime

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.versions.apply_edit import show_edit
from lifecycle.versions.available import AvailabilityReader
from lifecycle.versions.edits import ProjectFiles
from lifecycle.versions.updates import OutdatedItem, find_outdated


def outdated_items(session: Session) -> list[OutdatedItem]:
    """Ask all sources; raises what they raise, and NotLockedError where the lock does not answer what is declared."""
    project = session.locked_project
    reader = AvailabilityReader(
        indexes=session.sources.indexes, runfiles=session.sources.resolver.runfiles, say=session.progress.say
    )
    return find_outdated(project, reader.read(project.component), datetime.now(UTC).date())


def show_outdated(session: Session, *, as_json: bool) -> None:
    """Print the findings."""
    with session.exclusive():
        found = outdated_items(session)
    if as_json:
        output.print_json([{"topic": f.topic, "what": f.what, "has": f.has, "offered": f.offered} for f in found])
    elif found:
        rows = [(str(f.topic), f.what, f.has or "–", f.offered or "–") for f in found]
        output.print_table(f"{len(found)} findings", ["about", "what", "has", "offered"], rows)
    else:
        output.print_lines(["everything is the newest that the sources offer"])


def show_update(session: Session, *, dry_run: bool) -> None:
    """Take what the findings offer: edit the files, look up the newest of everything, write the lock; show the diff."""

    def edit(files: ProjectFiles) -> ProjectFiles:
        for finding in outdated_items(session):
            files = finding.edit(files) if finding.edit else files
        return files

    show_edit(session, edit, dry_run=dry_run, update=True)
