"""The page of a report: one HTML file that needs no other, and no script."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lifecycle.app.output import format_size, plural
from lifecycle.radar import pages as radar
from lifecycle.report.contents import Contents
from lifecycle.report.facts import Report
from lifecycle.report.picture import Cell, Reached, anchor_of
from lifecycle.report.timeline import WIDTH, duration

_TEMPLATES = Path(__file__).with_name("templates")
_DAY = "%d %B %Y"
# More combinations than this are shown in a group for each OS release.
_UNGROUPED = 40


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A number at the top of the page; `of` is the number of all, None if the answer is a plain count or unknown."""

    name: str
    count: int | None
    of: int | None = None


@dataclass(frozen=True, kw_only=True)
class Hole:
    """A reason of exclusions, with the combinations that it excludes whole or in part."""

    reason: str
    combinations: tuple[str, ...]


def render(report: Report) -> str:
    """Return the page as HTML. Every text of the report is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"bytes": format_size, "duration": duration, "plural": plural, "time": _time, "day": _day}
    environment.globals |= {"anchor_of": anchor_of, "width": WIDTH, "reached": reached_words, "furthest": furthest}
    environment.globals |= {
        "radar_summary": radar.summary,
        "radar_verdict": radar.verdict_words,
        "radar_error": radar.error_words,
        "radar_patches": radar.patch_words,
        "radar_symbols": radar.symbol_words,
    }
    cells = report.picture.cells
    return environment.get_template("page.html").render(
        report=report,
        tiles=tiles(cells),
        holes=holes(cells),
        steps=next_steps(cells),
        cells={cell.anchor: cell for cell in cells},
        groups=groups(report.contents),
        waiting={row.release for row in report.picture.rows if any(cell and cell.next for cell in row.cells)},
        channels=list(dict.fromkeys(row.channel for row in report.picture.rows)),
    )


def tiles(cells: Sequence[Cell]) -> list[Tile]:
    """Return the numbers at the top of the page. A stage is unknown if it is for every combination."""
    there = [cell for cell in cells if not cell.hole]
    found = [Tile(name="combinations", count=len(there))]
    for index, name in enumerate(stage.name for stage in (there[0].stages if there else ())):
        answers = [cell.stages[index].reached for cell in there]
        known = any(answer is not Reached.UNKNOWN for answer in answers)
        found.append(Tile(name=name, count=answers.count(Reached.YES) if known else None, of=len(there)))
    return [*found, Tile(name="holes", count=len(cells) - len(there))]


def groups(contents: Sequence[Contents]) -> dict[str, list[Contents]]:
    """Return many combinations by OS release, and few in one group."""
    found: dict[str, list[Contents]] = {}
    for one in contents:
        found.setdefault(one.combination.release if len(contents) > _UNGROUPED else "", []).append(one)
    return found


def holes(cells: Sequence[Cell]) -> list[Hole]:
    """Return the reasons of all exclusions, each once."""
    found: dict[str, list[str]] = {}
    for cell in cells:
        for reason in cell.reasons:
            found.setdefault(reason, []).append(cell.id)
    return [Hole(reason=reason, combinations=tuple(ids)) for reason, ids in found.items()]


def next_steps(cells: Sequence[Cell]) -> list[tuple[str, int]]:
    """Return the next steps with the number of combinations that wait for each, the most frequent first."""
    return Counter(cell.next for cell in cells if cell.next).most_common()


def reached_words(cell: Cell) -> str:
    """Return the state of a combination as words: `built, tested, not pushed`."""
    return ", ".join(stage.words for stage in cell.stages)


def furthest(cell: Cell) -> str:
    """Return the name of the last stage that a combination has reached."""
    reached = [stage for stage in cell.stages if stage.reached in (Reached.YES, Reached.PARTLY)]
    return reached[-1].words if reached else cell.stages[0].words


def _time(at: datetime) -> str:
    return f"{at.strftime(_DAY)}, {at.strftime('%H:%M')} UTC"


def _day(at: datetime) -> str:
    return at.strftime(_DAY)
