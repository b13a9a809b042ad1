"""Tasks that show the matrix: what there is, why, and how far it is."""

from invoke.context import Context

from lifecycle.app.task import CACHE, FORMAT, JSON, ONLY, SHARD, task, workbench


@task(
    help={
        "only": ONLY,
        "shard": SHARD,
        "json": JSON,
        "diff": "a git revision: what the working tree adds, drops and rebuilds since, and why",
        "format": FORMAT,
    }
)
def matrix(_: Context, only: str = "", shard: str = "", diff: str = "", json: bool = False, format_: str = "") -> None:
    """Show the combinations, their channel, and what is excluded and why."""
    from lifecycle.build.listing import show_matrix

    show_matrix(workbench(), only, shard, diff=diff, as_json=json, ci_format=format_)


@task(help={"since": "a git revision (default: where HEAD left origin/main, or main)", "json": JSON, "format": FORMAT})
def changed(_: Context, since: str = "", json: bool = False, format_: str = "") -> None:
    """Say which combinations are new, or would be built anew, since a revision: what CI has to build and test."""
    from lifecycle.build.changed import show_changed

    show_changed(workbench(), since, as_json=json, ci_format=format_)


@task(
    positional=["combination"],
    help={"combination": "a combination, as `invoke matrix` prints it, or a selector", "cache-dir": CACHE},
)
def explain(_: Context, combination: str, cache_dir: str = "") -> None:
    """Say why a combination is in, out, patched, or would be built anew."""
    from lifecycle.build.explain import show_explanation

    show_explanation(workbench(cache_dir), combination)


@task(help={"only": ONLY, "json": JSON, "cache-dir": CACHE})
def status(_: Context, only: str = "", json: bool = False, cache_dir: str = "") -> None:
    """Show how far each combination is: built, tested, pushed, in GitOps, in which pool; and what to do next."""
    from lifecycle.build.status import show_status

    show_status(workbench(cache_dir), only, as_json=json)
