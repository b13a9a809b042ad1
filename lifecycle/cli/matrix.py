"""Tasks that show the matrix: what there is, why, and how far it is; and what a machine lacks."""

from invoke.context import Context

from lifecycle.app.task import CACHE, FORMAT, JSON, ONLY, SHARD, open_session, task


@task(
    help={
        "only": ONLY,
        "shard": SHARD,
        "json": JSON,
        "diff": "git revision to compare with: what is new, gone or rebuilt, and why (default: none)",
        "format": FORMAT,
    },
    example="invoke matrix --only current --json",
    next_step="invoke status",
)
def matrix(_: Context, only: str = "", shard: str = "", diff: str = "", json: bool = False, format_: str = "") -> None:
    """Show the combinations, and what is excluded and why."""
    from lifecycle.commands.matrix import show_matrix

    show_matrix(open_session(), only, shard, diff=diff, as_json=json, ci_format=format_)


@task(
    help={"since": "git revision (default: where HEAD left origin/main, or main)", "json": JSON, "format": FORMAT},
    example="invoke changed --since origin/main",
)
def changed(_: Context, since: str = "", json: bool = False, format_: str = "") -> str:
    """List the combinations that a change affects: CI builds these.

    A combination is affected if it is new, or if one of its inputs differs from the revision's.
    """
    from lifecycle.commands.changed import show_changed

    return show_changed(open_session(), since, as_json=json, ci_format=format_)


@task(
    positional=["combination"],
    help={
        "combination": "a combination as `invoke matrix` prints it, or a selector",
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke explain debian-12/535",
)
def explain(_: Context, combination: str, json: bool = False, cache_dir: str = "") -> str:
    """Explain why a combination is in, out, patched or rebuilt."""
    from lifecycle.commands.explain import show_explanation

    return show_explanation(open_session(cache_dir), combination, as_json=json)


@task(
    help={
        "source": "folder, archive or URL with CSAF documents (default: component.yaml's)",
        "json": JSON,
    },
    example="invoke advisories --source ~/product-security",
    next_step="invoke outdated",
)
def advisories(_: Context, source: str = "", json: bool = False) -> None:
    """Compare the drivers with NVIDIA's security bulletins.

    Ends with exit code 1 if a driver has a known hole.
    """
    from lifecycle.advisories.command import show_advisories

    show_advisories(open_session(), source, as_json=json)


@task(
    help={"only": ONLY, "json": JSON, "cache-dir": CACHE},
    example="invoke status --only 535",
)
def status(_: Context, only: str = "", json: bool = False, cache_dir: str = "") -> str:
    """Show the state of each combination and the next step.

    The columns say whether it is built, tested, pushed, in GitOps, and in which node pool.
    """
    from lifecycle.release.status import show_status

    return show_status(open_session(cache_dir), only, as_json=json)


@task(help={"json": JSON, "cache-dir": CACHE}, example="invoke doctor --json", next_step="invoke build")
def doctor(_: Context, json: bool = False, cache_dir: str = "") -> None:
    """Check the machine, the network, logins and rights.

    Each line is ok, a warning, an error or skipped, with what to do. Ends with exit code 1 if one is an error. Changes nothing.
    """
    from lifecycle.doctor.command import show_doctor

    show_doctor(open_session(cache_dir), as_json=json)


@task(
    help={
        "only": ONLY,
        "nodes": "file of `kubectl get nodes -o json` for the coverage of a fleet; - is stdin (default: none)",
        "prove": "prove the symbols of all modules, as `invoke verify` does: seconds for each image",
        "offline": "ask no registry, no GitOps repository and no bulletins",
        "output": "folder to write index.html into (default: build/report)",
        "cache-dir": CACHE,
    },
    example="invoke report --prove",
)
def report(
    _: Context,
    only: str = "",
    nodes: str = "",
    prove: bool = False,
    offline: bool = False,
    output: str = "",
    cache_dir: str = "",
) -> str:
    """Write one page about the matrix, images and last build.

    The page needs no other file, no network and no script. The summary of a CI job gets the matrix.
    """
    from lifecycle.report.command import show_report
    from lifecycle.report.facts import ReportRequest

    request = ReportRequest(only=only, nodes=nodes, offline=offline, prove=prove)
    return show_report(open_session(cache_dir), request, output=output)
