"""`invoke status`: the state of each combination, from sources to clusters, and the next step."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from lifecycle.app import output
from lifecycle.app.optional import answer_or_warning
from lifecycle.app.session import Session
from lifecycle.gitops.repository import repository_exists
from lifecycle.gitops.rollout_state import PROPOSED, UNDECLARED, UNKNOWN, Place, Values, read_values
from lifecycle.planning.matrix import Combination
from lifecycle.planning.selector import select
from lifecycle.planning.targets import Targets
from lifecycle.publish.hold import held_images
from lifecycle.publish.published import PublishedImage, published_images
from lifecycle.tools.engine.engine import LocalImage

Registered = Mapping[Combination, PublishedImage | None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """The state of a combination.

    `pushed` is the digest in the registry; `gitops` is MERGED, PROPOSED, UNDECLARED or "". Either is UNKNOWN if it cannot be read.
    `pools` are the node pools that run it; `next` is the next step.
    """

    combination: str
    built: bool
    tested: bool
    pushed: str
    gitops: str
    pools: tuple[str, ...]
    next: str


# ----- pure


def next_step(*, built: bool, tested: bool, pushed: str, held: bool, gitops: str, wants_pool: bool, branch: str) -> str:
    """Return the next step of a combination: a command, or an action of a person. "" if it is done or unknown.

    `held` is true for an image that waits for the second builder.
    """
    if pushed in ("", UNKNOWN):
        known = "" if pushed else "invoke push"
        return "invoke build" if not built else "nox -s test_images" if not tested else known
    if held:
        return "invoke reproduce --sign, on the second builder"
    if gitops == UNKNOWN:
        return ""
    if not gitops:
        return "invoke bump-gitops"
    if gitops == PROPOSED:
        return f"merge {branch}"
    return "invoke bump-pools" if wants_pool else ""


# ----- effects


@dataclass(frozen=True, kw_only=True)
class Status:
    """The rows of combinations, and their published images; `published` is None if the registry was not reached."""

    rows: tuple[Row, ...]
    published: Registered | None


def show_status(session: Session, only: str, *, as_json: bool) -> str:
    """Print the state of the selected combinations, and return the first next step.

    A server that cannot be reached causes a warning, and an unknown state.
    """
    chosen = select(session.locked_project.matrix, only)
    rows = read_status(session, chosen, session.state().images).rows
    output.print_json([asdict(row) for row in rows]) if as_json else _print(rows)
    for driver, end in session.locked_project.driver_ends_of_life().items():
        if end < datetime.now(UTC).date() and any(c.driver == driver for c in chosen):
            session.progress.warn(
                f"driver {driver}: NVIDIA's support ended on {end.isoformat()}; `invoke advisories` shows known holes"
            )
    return next((row.next for row in rows if row.next), "")


def read_status(
    session: Session, chosen: Sequence[Combination], images: Mapping[str, LocalImage], *, offline: bool = False
) -> Status:
    """Return the state of combinations; `images` are the engine's, by the digest of their inputs.

    A server that cannot be reached causes a warning and an unknown state. With `offline` no server is asked.
    """
    targets, section = Targets(session.locked_project), session.project.component.gitops
    labels = {image.id: image.labels for image in images.values()}
    registry: Registered | None = None
    if not offline:
        registry = answer_or_warning(
            session.progress, lambda: published_images(session.locked_project, chosen, session.environ, labels)
        )
    with tempfile.TemporaryDirectory(prefix="nvidia-installer-") as scratch:
        values = None
        if section and not offline:
            values = answer_or_warning(session.progress, lambda: read_values(session, section, Path(scratch)))
        known = section is None or values is not None or not repository_exists(session.root, section)
        held = _held(session, registry or {})
        rows = []
        for c in chosen:
            place = _place(session, c, registry.get(c) if registry else None, values, known=known)
            rows.append(_row(session, c, images.get(targets.image(c).digest), registry, place, held=c in held))
    return Status(rows=tuple(rows), published=registry)


def _held(session: Session, registry: Registered) -> list[Combination]:
    """Return the combinations whose published images wait for the second builder."""
    return (
        answer_or_warning(
            session.progress, lambda: held_images(session, {c: image for c, image in registry.items() if image})
        )
        or []
    )


def _row(
    session: Session,
    c: Combination,
    image: LocalImage | None,
    registry: Registered | None,
    place: Place,
    *,
    held: bool,
) -> Row:
    there = registry.get(c) if registry is not None else None
    built, tested = image is not None, image is not None and session.cache.is_tested(image.id)
    pushed = UNKNOWN if registry is None else there.digest if there else ""
    step = next_step(
        built=built,
        tested=tested,
        pushed=pushed,
        held=held,
        gitops=place.gitops,
        wants_pool=place.wants_pool,
        branch=place.branch,
    )
    return Row(
        combination=c.id, built=built, tested=tested, pushed=pushed, gitops=place.gitops, pools=place.pools, next=step
    )


def _place(
    session: Session, c: Combination, there: PublishedImage | None, values: Values | None, *, known: bool
) -> Place:
    """Return the state of a combination in the GitOps repository."""
    if values is None or there is None:
        undeclared = session.project.component.gitops is None
        return Place(gitops=UNDECLARED if undeclared else "" if known else UNKNOWN)
    return values.place(c, there)


def _print(rows: Sequence[Row]) -> None:
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
    output.print_table("status", columns, plain)
