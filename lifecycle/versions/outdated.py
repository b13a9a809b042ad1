"""What the sources offer that the component does not have, shown and taken. `invoke outdated`, `invoke update`."""

from datetime import UTC, datetime

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.versions.apply_edit import show_edit
from lifecycle.versions.available import OfferReader
from lifecycle.versions.edits import Files
from lifecycle.versions.updates import Finding, find


def findings(session: Session) -> list[Finding]:
    """Ask all sources; raises what they raise, and NotLockedError where the lock does not answer what is declared."""
    project = session.locked_project
    reader = OfferReader(
        indexes=session.inputs.indexes, runfiles=session.inputs.resolver.runfiles, say=session.progress.say
    )
    return find(project, reader.read(project.component), datetime.now(UTC).date())


def show_outdated(session: Session, *, as_json: bool) -> None:
    """Print the findings."""
    with session.exclusive():
        found = findings(session)
    if as_json:
        output.print_json([{"topic": f.topic, "what": f.what, "has": f.has, "offered": f.offered} for f in found])
    elif found:
        rows = [(str(f.topic), f.what, f.has or "–", f.offered or "–") for f in found]
        output.print_table(f"{len(found)} findings", ["about", "what", "has", "offered"], rows)
    else:
        output.print_lines(["everything is the newest that the sources offer"])


def show_update(session: Session, *, dry_run: bool) -> None:
    """Take what the findings offer: edit the files, look up the newest of everything, write the lock; show the diff."""

    def edit(files: Files) -> Files:
        for finding in findings(session):
            files = finding.edit(files) if finding.edit else files
        return files

    show_edit(session, edit, dry_run=dry_run, update=True)
