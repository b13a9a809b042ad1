"""How far each combination is, from the sources to the clusters. `invoke status`."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from lifecycle.build import tables
from lifecycle.build.gitops import names_of
from lifecycle.build.published import published_images
from lifecycle.build.repository import is_there, open_repository, values_branch
from lifecycle.build.workbench import Workbench
from lifecycle.errors import InstallerError, UsageError
from lifecycle.model.bump import edit, settings
from lifecycle.model.gitops import GitOps
from lifecycle.model.matrix import Combination, Matrix
from lifecycle.model.pools import pools_of
from lifecycle.model.published import Published
from lifecycle.model.select import select
from lifecycle.model.targets import Targets
from lifecycle.model.values_file import ValuesFile
from lifecycle.steps.gitops import Files
from lifecycle.tools.engine import LocalImage
from lifecycle.tools.git import Clone

UNKNOWN, UNDECLARED, MERGED, PROPOSED = "unknown", "not declared", "merged", "proposed"
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


@dataclass(frozen=True, kw_only=True)
class Values:
    """The GitOps repository as it is read: what the clusters follow, and our own branch, where there is one."""

    section: GitOps
    branch: str
    merged: Files
    proposed: Files | None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a combination is in the GitOps repository; `branch` is our own, to be merged."""

    gitops: str
    branch: str = ""
    pools: tuple[str, ...] = ()
    wants_pool: bool = False


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


def _has_all(matrix: Matrix, section: GitOps, c: Combination, names: Mapping[str, str], files: Files) -> bool:
    """Whether files hold all that they are to hold for a combination; what sets nothing is in no file."""
    wanted = settings((entry, c.id, names) for entry in section.values if c in select(matrix, entry.only))
    try:
        return bool(wanted) and not edit(wanted, files.read).changes
    except UsageError:
        return False


def _pools(section: GitOps, names: Mapping[str, str], files: Files) -> tuple[str, ...]:
    """The pools that run a combination."""
    found = []
    for pools in section.pools:
        for file in (name for name in files.names if fnmatchcase(name, pools.file)):
            try:
                running = pools_of(ValuesFile(files.read(file) or "", file), pools, names)
            except UsageError:
                continue
            found += [pool.name for pool in running if not pool.changes]
    return tuple(found)


# ----- effects


def show_status(bench: Workbench, only: str, *, as_json: bool) -> None:
    """Print how far the chosen combinations are; what cannot be reached is unknown, with a warning."""
    chosen = select(bench.answered().matrix(), only)
    registry = _reached(bench, lambda: published_images(bench.project, chosen, bench.environ))
    images, targets = bench.state().images, Targets(bench.project)
    with tempfile.TemporaryDirectory(prefix="nvidia-installer-") as scratch:
        section = bench.project.component.gitops
        values = _reached(bench, lambda: _read(bench, section, Path(scratch)) if section else None)
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


def _read(bench: Workbench, section: GitOps, scratch: Path) -> Values | None:
    """The GitOps repository; None where it is not made yet."""
    if not is_there(bench.root, section):
        return None
    branch = values_branch(bench.project.component)
    remote = open_repository(bench, section, [])
    merged = Clone.of(remote, section.branch, scratch / "merged")
    proposed = Clone.of(remote, branch, scratch / "proposed") if merged.fetch(branch) else None
    return Values(
        section=section, branch=branch, merged=_files(merged), proposed=_files(proposed) if proposed else None
    )


def _files(clone: Clone) -> Files:
    return Files(clone.folder, tuple(clone.files()))


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
    """Where a combination is in the GitOps repository."""
    if values is None or there is None:
        undeclared = bench.project.component.gitops is None
        return Place(gitops=UNDECLARED if undeclared else "" if known else UNKNOWN)
    matrix, section = bench.project.matrix(), values.section
    names = names_of(bench.project.component, c, there)
    merged = _has_all(matrix, section, c, names, values.merged)
    proposed = values.proposed is not None and _has_all(matrix, section, c, names, values.proposed)
    pools = _pools(section, names, values.merged)
    return Place(
        gitops=MERGED if merged else PROPOSED if proposed else "",
        branch=values.branch,
        pools=pools,
        wants_pool=not pools and any(c in select(matrix, p.only) for p in section.pools),
    )


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
