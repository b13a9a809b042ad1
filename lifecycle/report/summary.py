"""The report as tables for the summary of a CI job."""

import os
from collections.abc import Mapping

from lifecycle.app.job_summary import add_table
from lifecycle.report.facts import Report
from lifecycle.report.page import furthest, holes
from lifecycle.report.picture import Cell
from lifecycle.report.timeline import duration


def add_summary(report: Report, environ: Mapping[str, str] = os.environ) -> None:
    """Append the matrix, the reasons of its holes and the last build to the job's summary, if there is one."""
    picture = report.picture
    columns = ["OS release", "kernel", "channel", *picture.drivers]
    rows = [[row.release, row.kernel, row.channel, *map(_cell, row.cells)] for row in picture.rows]
    add_table(f"{report.name} {report.version}: the matrix", columns, rows, environ)
    reasons = [(hole.reason, ", ".join(hole.combinations)) for hole in holes(picture.cells)]
    if reasons:
        add_table("holes", ["reason", "combinations"], reasons, environ)
    if report.timeline:
        steps = [(bar.title, duration(bar.seconds), duration(bar.waited)) for bar in report.timeline.chain]
        title = f"last build: {duration(report.timeline.build.seconds)}, which these steps decided"
        add_table(title, ["step", "time", "waited for a free slot"], steps, environ)


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    if cell.hole:
        return "✗ excluded"
    pools = f", in {', '.join(cell.pools)}" if cell.pools else ""
    return f"{furthest(cell)}{pools}{f' → {cell.next}' if cell.next else ''}"
