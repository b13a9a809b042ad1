"""How far each combination is, from the sources to the clusters. `invoke status`."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from lifecycle.build import tables
from lifecycle.build.in_gitops import PROPOSED, UNDECLARED, UNKNOWN, Place, Values, read_values
from lifecycle.build.published import published_images
from lifecycle.build.repository import is_there
from lifecycle.build.workbench import Workbench
from lifecycle.errors import InstallerError, UsageError
from lifecycle.model.matrix import Combination
from lifecycle.model.published import Published
from lifecycle.model.selector import select
from lifecycle.model.targets import Targets
from lifecycle.tools.engine import LocalImage

_T = TypeVar("_T")
Registered = Mapping[Combination, Published | None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """How far a combination is.

    `pushed` is the digest in the registry, `gitops` MERGED, PROPOSED, UNDECLARED or "", either UNKNOWN where nobody answers;
    `pools` are the node pools that run it; `next` is what brings it further.
    """

    combination: str
    built: bool
    tested: bool
    pushed: str
    gitops: str
    pools: tuple[str, ...]
    next: str


# ----- pure


def next_step(*, built: bool, tested: bool, pushed: str, gitops: str, wants_pool: bool, branch: str) -> str:
    """What brings a combination further: a command, or what a person does; "" where it has arrived or nothing is known."""
    if pushed in ("", UNKNOWN):
        known = "" if pushed else "invoke push"
        return "invoke build" if not built else "nox -s test_images" if not tested else known
    if gitops == UNKNOWN:
        return ""
    if not gitops:
        return "invoke bump-gitops"
    if gitops == PROPOSED:
        return f"merge {branch}"
    return "invoke bump-pools" if wants_pool else ""


# ----- effects


def show_status(bench: Workbench, only: str, *, as_json: bool) -> None:
    """Print how far the chosen combinations are; what cannot be reached is unknown, with a warning."""
    chosen = select(bench.answered().matrix(), only)
    images, targets = bench.state().images, Targets(bench.project)
    labels = {image.id: image.labels for image in images.values()}
    registry = _reached(bench, lambda: published_images(bench.project, chosen, bench.environ, labels))
    with tempfile.TemporaryDirectory(prefix="nvidia-installer-") as scratch:
        section = bench.project.component.gitops
        values = _reached(bench, lambda: read_values(bench, section, Path(scratch)) if section else None)
        known = section is None or values is not None or not is_there(bench.root, section)
        rows = []
        for c in chosen:
            place = _place(bench, c, registry.get(c) if registry else None, values, known=known)
            rows.append(_row(bench, c, images.get(targets.image(c).digest), registry, place))
    tables.print_json([asdict(row) for row in rows]) if as_json else _print(rows)


def _reached(bench: Workbench, ask: Callable[[], _T]) -> _T | None:
    """The answer, or None, with a warning, where nobody gives one."""
    try:
        return ask()
    except UsageError:
        raise
    except InstallerError as error:
        bench.progress.warn(str(error))
        return None


def _row(bench: Workbench, c: Combination, image: LocalImage | None, registry: Registered | None, place: Place) -> Row:
    there = registry.get(c) if registry is not None else None
    built, tested = image is not None, image is not None and bench.store.is_tested(image.id)
    pushed = UNKNOWN if registry is None else there.digest if there else ""
    step = next_step(
        built=built,
        tested=tested,
        pushed=pushed,
        gitops=place.gitops,
        wants_pool=place.wants_pool,
        branch=place.branch,
    )
    return Row(
        combination=c.id, built=built, tested=tested, pushed=pushed, gitops=place.gitops, pools=place.pools, next=step
    )


def _place(bench: Workbench, c: Combination, there: Published | None, values: Values | None, *, known: bool) -> Place:
    """Match a combination is in the GitOps repository."""
    if values is None or there is None:
        undeclared = bench.project.component.gitops is None
        return Place(gitops=UNDECLARED if undeclared else "" if known else UNKNOWN)
    return values.place(c, there)


def _print(rows: list[Row]) -> None:
    columns = ["combination", "built", "tested", "pushed", "in GitOps", "pools", "next"]
    plain = [
        (
            row.combination,
            "yes" if row.built else "–",
            "yes" if row.tested else "–",
            row.pushed[:19] or "–",
            row.gitops or "–",
            ", ".join(row.pools) or "–",
            row.next,
        )
        for row in rows
    ]
    tables.print_table("status", columns, plain)
