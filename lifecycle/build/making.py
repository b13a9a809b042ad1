"""Making the targets of the chosen combinations, and saying what it came to. `invoke build` and its single steps."""

from dataclasses import asdict

from lifecycle.build import tables
from lifecycle.build.failures import raise_failures
from lifecycle.build.workbench import Workbench
from lifecycle.model.shards import chosen, parse_shard
from lifecycle.model.targets import Kind


def show_fetch(bench: Workbench, only: str, shard: str, *, update: bool, kernel_images: bool, locked: bool) -> None:
    """Have all inputs, and make the bases of them; raises BuildFailedError."""
    part = parse_shard(shard)
    locked = locked or part is not None
    project = bench.resolved(update=update, locked=locked)
    done = bench.fetch(project, lambda p: chosen(p, only, part), locked=locked, kernel_images=kernel_images)
    bench.progress.say(
        f"{done.downloaded_files} files downloaded, {done.downloaded_bytes / 1e6:.0f} MB; the rest was there"
    )
    show_made(bench, only, shard, Kind.BASE, locked=locked)


def show_made(bench: Workbench, only: str, shard: str, last: Kind, *, locked: bool) -> None:
    """Make everything up to a kind, and print the targets of that kind; raises BuildFailedError."""
    made = bench.make(only=only, shard=parse_shard(shard), last=last, dry_run=False, locked=locked)
    tables.print_made(made, last)
    raise_failures(made)


def show_build(
    bench: Workbench, only: str, shard: str, *, dry_run: bool, as_json: bool, locked: bool, rebuild: bool
) -> None:
    """Make everything, with `rebuild` whatever exists, and print a row a combination; raises BuildFailedError."""
    part = parse_shard(shard)
    made = bench.make(only=only, shard=part, last=Kind.IMAGE, dry_run=dry_run, locked=locked, rebuild=rebuild)
    if dry_run:
        tables.print_json(tables.plan_rows(made.plan.actions)) if as_json else tables.print_plan(made.plan.actions)
        return
    tables.print_json([asdict(row) for row in tables.result_rows(made)]) if as_json else tables.print_results(made)
    raise_failures(made)
