"""Tasks about clusters: their nodes, and what is installed on them."""

from invoke.context import Context

from lifecycle.app.task import CACHE, JSON, ONLY, open_session, task


@task(
    help={
        "nodes": "file of `kubectl get nodes -o json`, or kernel releases, one a line; - is stdin",
        "selector": "labels of the GPU nodes, as for kubectl (default: known labels, and capacity)",
        "json": JSON,
    },
    example="kubectl get nodes -o json | invoke coverage --nodes -",
    next_step="invoke rollout --dry-run",
)
def coverage(_: Context, nodes: str, selector: str = "", json: bool = False) -> None:
    """Show which nodes have no matching image, now or upgraded."""
    from lifecycle.kubernetes.coverage import show_coverage

    show_coverage(open_session(), nodes, selector=selector, as_json=json)


@task(
    help={
        "nodes": "file of `kubectl get nodes -o json`, or kernel releases, one a line; - is stdin",
        "selector": "labels of the GPU nodes, as for kubectl (default: known labels, and capacity)",
        "driver": "branch or version for all nodes (default: the label, branch or newest of each)",
        "offline": "ask no registry and no bulletins",
        "boot": "boot each target's kernel in QEMU, and go from an old image to the new one and back",
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="kubectl get nodes -o json | invoke rehearse --nodes -",
    next_step="invoke rollout --dry-run",
)
def rehearse(
    _: Context,
    nodes: str,
    selector: str = "",
    driver: str = "",
    offline: bool = False,
    boot: bool = False,
    json: bool = False,
    cache_dir: str = "",
) -> None:
    """Judge the declared drivers for each group of nodes.

    A group has one kernel, OS release, set of GPUs and driver. The verdict is about its image and signature, the GPUs, known holes
    and the way from its driver. Ends with exit code 1 if a group is blocked.
    """
    from lifecycle.rehearsal.command import RehearsalRequest, show_rehearsal

    request = RehearsalRequest(nodes=nodes, selector=selector, driver=driver, offline=offline, boot=boot)
    show_rehearsal(open_session(cache_dir), request, json=json)


@task(
    help={
        "only": ONLY,
        "release": "released version, such as 1.2.0 (default: the files as they are)",
        "diff": "show the difference to the last release",
        "build": "print the Job that builds the matrix on a cluster, for this commit",
        "output": "folder to write files into (default: stdout)",
        "values": "file of chart values, which override the computed ones (default: none)",
        "cache-dir": CACHE,
    },
    example="invoke manifests --output rendered",
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
) -> str:
    """Print the Helm chart, rendered for the pushed images."""
    if build:
        from lifecycle.kubernetes.build_job import show_build_job

        show_build_job(open_session(cache_dir), only, release=release, diff=diff, output=output, values=values)
        return f"kubectl create --filename {output}" if output else ""
    from lifecycle.kubernetes.manifests import show_manifests

    show_manifests(open_session(cache_dir), only, release=release, diff=diff, output=output, values=values)
    return f"kubectl diff --filename {output}" if output else ""
