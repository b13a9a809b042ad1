"""`invoke build` and its single steps: build the targets of the selected combinations and print the result."""

from dataclasses import asdict, replace

from lifecycle.app import build_output, output
from lifecycle.app.next_step import selecting
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


def show_fetch(
    session: Session, only: str, shard: str, *, update: bool, kernel_images: bool, locked: bool, as_json: bool
) -> str:
    """Fetch all inputs, build the base images and print these. Return the next step. Raises BuildFailedError."""
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
    _print_targets(result, Kind.BASE, as_json=as_json)
    return selecting("invoke compile", only, shard)


def show_made(session: Session, only: str, shard: str, last: Kind, *, locked: bool, as_json: bool) -> str:
    """Build everything up to a kind, and print the targets of that kind. Return the next step. Raises BuildFailedError."""
    request = BuildRequest(only=only, shard=parse_shard(shard), last=last, locked=locked)
    with session.exclusive():
        result = session.build_service().build(request)
    _print_targets(result, last, as_json=as_json)
    following = {Kind.MODULES: "invoke package", Kind.ARCHIVE: "invoke image"}.get(last)
    return selecting(following, only, shard) if following else step_after_build(session, result, only)


def _print_targets(result: BuildResult, last: Kind, *, as_json: bool) -> None:
    if as_json:
        output.print_json(build_output.target_rows(result, last))
    else:
        build_output.print_targets(result, last)
    raise_failures(result)


def step_after_build(session: Session, result: BuildResult, only: str) -> str:
    """Return the next step for images that are built: their tests, or the push. "" if there are none."""
    images = [result.state.images.get(result.targets.image(c).digest) for c in result.combinations]
    if not images:
        return ""
    if all(image and session.cache.is_tested(image.id) for image in images):
        return selecting("invoke push", only)
    return f"nox -s test_images{selecting(' --', only) if only else ''}"


def show_build(
    session: Session, only: str, shard: str, *, dry_run: bool, as_json: bool, locked: bool, rebuild: bool
) -> str | None:
    """Build everything and print one row per combination; `rebuild` ignores existing targets. Return the next step.

    None means the same command without the dry run. Raises BuildFailedError.
    """
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
    if dry_run and any(action.run or action.take for action in result.plan.actions):
        return None
    return step_after_build(session, result, only)


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
