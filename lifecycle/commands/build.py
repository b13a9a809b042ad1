"""`invoke build` and its single steps: build the targets of the selected combinations and print the result."""

from dataclasses import asdict, replace

from lifecycle.app import build_output, output
from lifecycle.app.session import Session
from lifecycle.errors import InstallerError
from lifecycle.pipeline.build_service import BuildRequest, BuildResult
from lifecycle.planning.required_inputs import boot_warnings
from lifecycle.planning.shards import chosen, parse_shard
from lifecycle.planning.targets import Kind
from lifecycle.tools.graph import DependencyFailedError


class BuildFailedError(InstallerError):
    """Targets that failed, each with its error, and targets that were skipped because of them."""

    def __init__(self, failed: list[InstallerError], skipped: list[str], built: int) -> None:
        head = f"{len(failed)} failed, {len(skipped)} skipped because of that, {built} built"
        rest = [f"skipped: {', '.join(skipped)}"] if skipped else []
        super().__init__(head, details="\n\n".join(["", *(str(error) for error in failed), *rest]))


def show_fetch(session: Session, only: str, shard: str, *, update: bool, kernel_images: bool, locked: bool) -> None:
    """Fetch all inputs and build the base images. Raises BuildFailedError."""
    part = parse_shard(shard)
    locked = locked or part is not None
    with session.exclusive():
        builds = session.build_service()
        project = builds.resolve(update=update, locked=locked)
        done = builds.fetch(project, lambda p: chosen(p, only, part), locked=locked, kernel_images=kernel_images)
        session.progress.say(
            f"{done.downloaded_files} files downloaded, {done.downloaded_bytes / 1e6:.0f} MB; the cache had the rest"
        )
        for warning in boot_warnings(done.project, chosen(done.project, only, part)) if kernel_images else []:
            session.progress.warn(warning)
        request = BuildRequest(only=only, shard=part, last=Kind.BASE, locked=locked)
        result = replace(builds, project=done.project).build(request)
    _print_targets(result, Kind.BASE)


def show_made(session: Session, only: str, shard: str, last: Kind, *, locked: bool) -> None:
    """Build everything up to a kind, and print the targets of that kind. Raises BuildFailedError."""
    request = BuildRequest(only=only, shard=parse_shard(shard), last=last, locked=locked)
    with session.exclusive():
        result = session.build_service().build(request)
    _print_targets(result, last)


def _print_targets(result: BuildResult, last: Kind) -> None:
    build_output.print_targets(result, last)
    raise_failures(result)


def show_build(
    session: Session, only: str, shard: str, *, dry_run: bool, as_json: bool, locked: bool, rebuild: bool
) -> None:
    """Build everything and print one row per combination; `rebuild` ignores existing targets. Raises BuildFailedError."""
    request = BuildRequest(only=only, shard=parse_shard(shard), dry_run=dry_run, locked=locked, rebuild=rebuild)
    with session.exclusive(dry_run=dry_run):
        result = session.build_service().build(request)
    if dry_run and as_json:
        output.print_json(build_output.plan_rows(result.plan.actions))
    elif dry_run:
        build_output.print_plan(result.plan.actions)
    elif as_json:
        output.print_json([asdict(row) for row in build_output.result_rows(result)])
    else:
        build_output.print_results(result)
    raise_failures(result)


def raise_failures(result: BuildResult) -> None:
    """Raise BuildFailedError if a target failed."""
    if result.outcome is None or not result.outcome.errors:
        return
    errors = result.outcome.errors
    own = {id(error): error for error in errors.values() if not isinstance(error, DependencyFailedError)}
    names = {action.target.digest: f"{action.target.kind} {action.target.name}" for action in result.plan.actions}
    skipped = [names[digest] for digest, error in errors.items() if isinstance(error, DependencyFailedError)]
    ran = sum(action.run for action in result.plan.actions)
    raise BuildFailedError(list(own.values()), skipped, ran - len(errors))
