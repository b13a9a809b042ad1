"""Tasks about clusters: their nodes, and what is installed on them."""

from invoke.context import Context

from lifecycle.app.task import CACHE, JSON, ONLY, task, workbench


@task(
    help={
        "nodes": "a file with `kubectl get nodes -o json`, or kernel releases one a line; - is standard input",
        "json": JSON,
    }
)
def coverage(_: Context, nodes: str, json: bool = False) -> None:
    """Say which nodes have an image, now and after an upgrade of their OS, and the exact tag that is missing."""
    from lifecycle.build.covering import show_coverage

    show_coverage(workbench(), nodes, as_json=json)


@task(
    help={
        "only": ONLY,
        "release": "of a release, such as 1.2.0 (default: of the files as they are)",
        "diff": "what changes since the last release",
        "build": "the Job that builds the matrix on a cluster instead, for the commit that is checked out",
        "output": "a folder to write files into (default: stdout)",
        "values": "a file of values of the chart, which go over what is filled in",
        "cache-dir": CACHE,
    }
)
def manifests(
    _: Context,
    only: str = "",
    release: str = "",
    diff: bool = False,
    build: bool = False,
    output: str = "",
    values: str = "",
    cache_dir: str = "",
) -> None:
    """Print what the cluster gets: the Helm chart, rendered for the images that are in the registry."""
    if build:
        from lifecycle.build.fan_out import show_build_job

        show_build_job(workbench(cache_dir), only, release=release, diff=diff, output=output, values=values)
        return
    from lifecycle.build.manifests import show_manifests

    show_manifests(workbench(cache_dir), only, release=release, diff=diff, output=output, values=values)
