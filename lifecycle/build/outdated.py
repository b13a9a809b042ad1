"""What the sources offer that the component does not have, shown and taken. `invoke outdated`, `invoke update`."""

from datetime import UTC, datetime

from lifecycle.build import tables
from lifecycle.build.editing import show_edit
from lifecycle.build.workbench import Workbench
from lifecycle.model.changes import Files
from lifecycle.model.findings import Finding, find
from lifecycle.sources.offers import OfferReader


def findings(bench: Workbench) -> list[Finding]:
    """Ask all sources; raises what they raise, and NotLockedError where the lock does not answer what is declared."""
    project = bench.answered()
    reader = OfferReader(indexes=bench.inputs.indexes, runfiles=bench.inputs.resolver.runfiles, say=bench.progress.say)
    return find(project, reader.read(project.component), datetime.now(UTC).date())


def show_outdated(bench: Workbench, *, as_json: bool) -> None:
    """Print the findings."""
    found = findings(bench)
    if as_json:
        tables.print_json([{"topic": f.topic, "what": f.what, "has": f.has, "offered": f.offered} for f in found])
    elif found:
        rows = [(str(f.topic), f.what, f.has or "–", f.offered or "–") for f in found]
        tables.print_table(f"{len(found)} findings", ["about", "what", "has", "offered"], rows)
    else:
        tables.print_lines(["everything is the newest that the sources offer"])


def show_update(bench: Workbench, *, dry_run: bool) -> None:
    """Take what the findings offer: edit the files, look up the newest of everything, write the lock; show the diff."""
    edits = [finding.edit for finding in findings(bench) if finding.edit]

    def edit(files: Files) -> Files:
        for one in edits:
            files = one(files)
        return files

    show_edit(bench, edit, dry_run=dry_run, update=True)
