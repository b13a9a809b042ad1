"""The matrix as a picture: a row for each OS release and kernel, a column for each driver. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.gitops.rollout_state import MERGED, PROPOSED, UNKNOWN
from lifecycle.planning.matrix import Combination
from lifecycle.release.status import Row

_NOT_IN_AN_ANCHOR = re.compile(r"[^A-Za-z0-9._-]")


class Reached(StrEnum):
    """An answer to whether a combination has reached a stage."""

    YES = "yes"
    NO = "no"
    PARTLY = "partly"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of a combination: its letter in the picture, its name, and the words that describe it to people."""

    letter: str
    name: str
    reached: Reached
    words: str


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A combination in the picture. A hole, which is excluded whole, has no stages; `reasons` are those of exclusions."""

    id: str
    anchor: str
    driver: str
    hole: bool
    reasons: tuple[str, ...]
    stages: tuple[Stage, ...] = ()
    pools: tuple[str, ...] = ()
    next: str = ""


@dataclass(frozen=True, kw_only=True)
class PictureRow:
    """The combinations of an OS release and its kernel, one for each driver of the picture; None where nothing is declared."""

    release: str
    kernel: str
    channel: str
    cells: tuple[Cell | None, ...]

    @property
    def kinds(self) -> str:
        """The names by which a row can be filtered, separated by spaces."""
        cells = [cell for cell in self.cells if cell]
        names = [f"channel-{self.channel}"]
        names += ["has-hole"] if any(cell.hole for cell in cells) else []
        names += ["has-next"] if any(cell.next for cell in cells) else []
        return " ".join(names)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The picture: the drivers of its columns, from left to right, and its rows."""

    drivers: tuple[str, ...]
    rows: tuple[PictureRow, ...]

    @property
    def cells(self) -> list[Cell]:
        """All cells in the order of reading."""
        return [cell for row in self.rows for cell in row.cells if cell]


def anchor_of(combination: Combination) -> str:
    """Return the anchor of a combination in the page."""
    return f"c-{_NOT_IN_AN_ANCHOR.sub('-', combination.id)}"


def picture_of(
    combinations: Sequence[Combination],
    excluded: Sequence[Combination],
    rows: Mapping[str, Row],
    booted: Mapping[str, bool],
    *,
    engine: bool,
) -> Picture:
    """Return the picture of combinations and of those that are excluded whole, in the order of the component.

    `rows` are their states and `booted` the answers of boots, both by identifier. `engine` is false if the engine is unknown.
    """
    drivers = tuple(dict.fromkeys(c.driver for c in (*combinations, *excluded)))
    groups: dict[tuple[str, str, str], dict[str, Cell]] = {}
    for c in (*combinations, *excluded):
        key = (c.release, c.kernel_name, str(c.channel))
        cell = _cell(c, rows[c.id], booted.get(c.id, False), engine=engine) if c.module_types else _hole(c)
        groups.setdefault(key, {})[c.driver] = cell
    return Picture(
        drivers=drivers,
        rows=tuple(
            PictureRow(
                release=release, kernel=kernel, channel=channel, cells=tuple(cells.get(driver) for driver in drivers)
            )
            for (release, kernel, channel), cells in groups.items()
        ),
    )


def reasons_of(combination: Combination) -> tuple[str, ...]:
    """Return the reasons of a combination's exclusions, each once, with the module types that it excludes."""
    types: dict[str, list[str]] = {}
    for entry in combination.excluded:
        types.setdefault(entry.reason, []).append(str(entry.module_type))
    return tuple(f"{' and '.join(names)} modules: {reason}" for reason, names in types.items())


def _hole(c: Combination) -> Cell:
    return Cell(id=c.id, anchor=anchor_of(c), driver=c.driver, hole=True, reasons=reasons_of(c))


def _cell(c: Combination, row: Row, booted: bool, *, engine: bool) -> Cell:
    return Cell(
        id=c.id,
        anchor=anchor_of(c),
        driver=c.driver,
        hole=False,
        reasons=reasons_of(c),
        stages=tuple(_stages(row, booted, engine=engine)),
        pools=row.pools,
        next=row.next if engine else "",
    )


def _stages(row: Row, booted: bool, *, engine: bool) -> list[Stage]:
    local = (("B", "built", row.built), ("T", "tested", row.tested), ("K", "kernel booted", booted))
    found = [_local(letter, name, reached, engine=engine) for letter, name, reached in local]
    return [*found, _pushed(row.pushed), _in_gitops(row.gitops)]


def _local(letter: str, name: str, reached: bool, *, engine: bool) -> Stage:
    if not engine:
        return Stage(letter=letter, name=name, reached=Reached.UNKNOWN, words=f"not known whether {name}")
    state, words = (Reached.YES, name) if reached else (Reached.NO, f"not {name}")
    return Stage(letter=letter, name=name, reached=state, words=words)


def _pushed(digest: str) -> Stage:
    reached = Reached.UNKNOWN if digest == UNKNOWN else Reached.YES if digest else Reached.NO
    words = {Reached.YES: "pushed", Reached.NO: "not pushed"}.get(reached, "not known whether pushed")
    return Stage(letter="P", name="pushed", reached=reached, words=words)


def _in_gitops(gitops: str) -> Stage:
    states = {MERGED: Reached.YES, PROPOSED: Reached.PARTLY, UNKNOWN: Reached.UNKNOWN}
    words = {
        Reached.YES: "merged in GitOps",
        Reached.PARTLY: "proposed in GitOps",
        Reached.UNKNOWN: "not known whether in GitOps",
    }
    reached = states.get(gitops, Reached.NO)
    return Stage(letter="G", name="in GitOps", reached=reached, words=words.get(reached, "not in GitOps"))
