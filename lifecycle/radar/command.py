"""`invoke radar`: judge the drivers on the kernels to come, and write the report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.errors import InstallerError, UsageError
from lifecycle.pipeline.build_service import BuildService
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Matrix
from lifecycle.planning.selector import NothingSelectedError, matches
from lifecycle.radar import pages
from lifecycle.radar.builders import with_builders
from lifecycle.radar.coming import KernelScout, sources_to_ask
from lifecycle.radar.judge import Judge
from lifecycle.radar.model import RadarResult, Verdict
from lifecycle.radar.next_releases import find_next_releases
from lifecycle.sources.session import SourceSession
from lifecycle.tools.paths import expand


class DriversBreakError(InstallerError):
    """Drivers that do not fit a kernel to come; the report says why."""

    def __init__(self, breaks: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(breaks)} will break",
            resolution="Write a patch, take a newer driver (`invoke update`), or exclude it: docs/how-to/radar.md.",
        )


class NotJudgedError(InstallerError):
    """Modules that could not be judged, for a reason that is not in their sources."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(names)} could not be judged", resolution="Mend what the report names, and run it again."
        )


class NoArchiveError(InstallerError):
    """Sources none of which answers."""

    doctor_checks = "apt's archives, their keys and the clock"

    def __init__(self, warnings: Sequence[str]) -> None:
        super().__init__(
            "no archive answers, so nothing is known of the kernels to come",
            details="\n".join(f"  {warning}" for warning in warnings),
        )


class OutputIsAFileError(UsageError):
    """A folder for the report that is a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"--output: {path} is a file, not a folder: name another folder")


@dataclass(frozen=True, kw_only=True)
class RadarRequest:
    """The options: `kernels` is a glob of kernel releases, `only` selects releases and drivers, `folder` is for the report."""

    kernels: str = ""
    only: str = ""
    folder: str = ""
    dry_run: bool = False


def show_radar(session: Session, request: RadarRequest, *, as_json: bool) -> str | None:
    """Judge, write the report and print it. A dry run writes and compiles nothing. Return the next step.

    None means the same command without the dry run. Raises DriversBreakError and NotJudgedError after that, for exit code 1;
    NoArchiveError, NoSuchKernelError, NothingSelectedError, NotLockedError, OutputIsAFileError.
    """
    folder = _folder(session, request.folder)
    with session.exclusive():
        result = run_radar(session, request)
    if as_json:
        output.print_json(result.model_dump(mode="json", by_alias=True))
    else:
        _print(result)
    if request.dry_run:
        return None if any(m.verdict is Verdict.UNKNOWN for k in result.kernels for m in k.modules) else ""
    for path in pages.write_result(folder, result):
        session.progress.say(f"wrote {path}")
    if result.breaks:
        raise DriversBreakError(result.breaks)
    if result.not_judged:
        raise NotJudgedError(result.not_judged)
    return "invoke update --dry-run" if any(kernel.arrival.days == 0 for kernel in result.kernels) else ""


def run_radar(session: Session, request: RadarRequest) -> RadarResult:
    """Return the result. The caller holds the locks of the checkout and the cache."""
    pairs = selected_pairs(session.locked_project.matrix, request.only)
    releases = [release for release, _ in pairs]
    nexts, unread = find_next_releases(session, releases)
    scout = KernelScout(
        project=session.locked_project,
        indexes=session.sources.indexes,
        glob=request.kernels,
        say=session.progress.say,
    )
    answers = scout.ask([*sources_to_ask(session.locked_project.component, releases), *nexts])
    if not answers.answered:
        raise NoArchiveError(answers.warnings)
    project, kernels, unbuilt = with_builders(session, answers.kernels, dry_run=request.dry_run)
    warnings = (*unread, *answers.warnings, *unbuilt)
    for warning in warnings:
        session.progress.warn(warning)
    judge = Judge(
        project=project, cache=session.cache, pairs=pairs, open_builder=lambda scratch: _builder(session, scratch)
    )
    judged = [judge.judge(coming, dry_run=request.dry_run) for coming in kernels]
    return RadarResult(at=datetime.now(UTC), kernels=tuple(k for k in judged if k.modules), warnings=warnings)


def selected_pairs(matrix: Matrix, only: str) -> set[tuple[str, str]]:
    """Return the releases and driver versions that selectors select, excluded combinations too. Raises NothingSelectedError."""
    every = (*matrix.combinations, *matrix.excluded)
    selectors = [selector.strip() for selector in only.split(",") if selector.strip()]
    for selector in selectors:
        if not any(matches(selector, combination) for combination in every):
            raise NothingSelectedError(selector, [combination.id for combination in every])
    return {(c.release, c.driver) for c in every if not selectors or any(matches(s, c) for s in selectors)}


def _builder(session: Session, scratch: LockedProject) -> BuildService:
    sources = SourceSession(
        project=scratch,
        environ=session.environ,
        cache=session.cache,
        engine=session.engine,
        progress=session.progress,
    )
    return BuildService(
        project=scratch,
        environ=session.environ,
        cache=session.cache,
        engine=session.engine,
        progress=session.progress,
        open_sources=lambda: sources,
    )


def _folder(session: Session, name: str) -> Path:
    folder = expand(name, name="--output").absolute() if name else session.root / pages.FOLDER
    if folder.exists() and not folder.is_dir():
        raise OutputIsAFileError(folder)
    return folder


def _print(result: RadarResult) -> None:
    for kernel in result.kernels:
        output.print_table(pages.heading(kernel), pages.COLUMNS, pages.rows(kernel), in_summary=True)
        output.print_lines([*pages.symbol_lines(kernel), ""])
    output.print_lines([*(f"not asked: {warning}" for warning in result.warnings), pages.summary(result)])
