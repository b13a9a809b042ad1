"""Making the targets of the chosen combinations, and saying what it came to. `invoke build` and its single steps."""

from dataclasses import asdict

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.commands.failures import raise_failures
from lifecycle.pipeline.build_service import BuildRequest
from lifecycle.planning.shards import chosen, parse_shard
from lifecycle.planning.targets import Kind


def show_fetch(session: Session, only: str, shard: str, *, update: bool, kernel_images: bool, locked: bool) -> None:
    """Have all inputs, and make the bases of them; raises BuildFailedError."""
    part = parse_shard(shard)
    locked = locked or part is not None
    builds = session.build_service()
    project = builds.resolve(update=update, locked=locked)
    done = builds.fetch(project, lambda p: chosen(p, only, part), locked=locked, kernel_images=kernel_images)
    session.progress.say(
        f"{done.downloaded_files} files downloaded, {done.downloaded_bytes / 1e6:.0f} MB; the rest was there"
    )
    show_made(session, only, shard, Kind.BASE, locked=locked)


def show_made(session: Session, only: str, shard: str, last: Kind, *, locked: bool) -> None:
    """Make everything up to a kind, and print the targets of that kind; raises BuildFailedError."""
    request = BuildRequest(only=only, shard=parse_shard(shard), last=last, locked=locked)
    made = session.build_service().build(request)
    output.print_made(made, last)
    raise_failures(made)


def show_build(
    session: Session, only: str, shard: str, *, dry_run: bool, as_json: bool, locked: bool, rebuild: bool
) -> None:
    """Make everything, with `rebuild` whatever exists, and print a row a combination; raises BuildFailedError."""
    request = BuildRequest(only=only, shard=parse_shard(shard), dry_run=dry_run, locked=locked, rebuild=rebuild)
    made = session.build_service().build(request)
    if dry_run:
        output.print_json(output.plan_rows(made.plan.actions)) if as_json else output.print_plan(made.plan.actions)
        return
    output.print_json([asdict(row) for row in output.result_rows(made)]) if as_json else output.print_results(made)
    raise_failures(made)
