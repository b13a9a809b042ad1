"""The tasks that bring tested images to clusters. As thin as those of tasks.py, which lists them."""

from invoke.context import Context

from lifecycle.build.task import CACHE, JSON, ONLY, task, workbench

_SHOWN = "show the difference and push nothing"


@task(
    help={
        "only": ONLY,
        "untested": "push images whose tests have not passed, too",
        "dry-run": "say what would be pushed, and what would be refused",
        "json": JSON,
        "cache-dir": CACHE,
    }
)
def push(
    _: Context, only: str = "", untested: bool = False, dry_run: bool = False, json: bool = False, cache_dir: str = ""
) -> None:
    """Push the images whose tests passed to the registry; write build/published.json."""
    from lifecycle.build.pushing import show_push

    show_push(workbench(cache_dir), only, untested=untested, dry_run=dry_run, as_json=json)


@task(
    name="bump-gitops",
    help={
        "only": ONLY,
        "create": "make a missing values file as a copy of the next older release's",
        "dry-run": _SHOWN,
        "json": JSON,
        "cache-dir": CACHE,
    },
)
def bump_gitops(
    _: Context, only: str = "", create: bool = False, dry_run: bool = False, json: bool = False, cache_dir: str = ""
) -> None:
    """Tell the clusters of the images in the registry: one commit in the GitOps repository, and a pull request."""
    from lifecycle.build.gitops import show_bump

    show_bump(workbench(cache_dir), only, create=create, dry_run=dry_run, as_json=json)


@task(
    name="bump-pools",
    help={
        "only": "the one combination that new nodes are to run (default: as component.yaml's gitops.pools says)",
        "retire": "take the pools out whose successor runs it",
        "dry-run": _SHOWN,
        "json": JSON,
        "cache-dir": CACHE,
    },
)
def bump_pools(
    _: Context, only: str = "", retire: bool = False, dry_run: bool = False, json: bool = False, cache_dir: str = ""
) -> None:
    """Count node pools up for a new OS release or driver, infer-s-v1 to infer-s-v2; the old ones stay until --retire."""
    from lifecycle.build.pooling import show_pools

    show_pools(workbench(cache_dir), only=only, retiring=retire, dry_run=dry_run, as_json=json)


@task(
    help={
        "component": "the component's name (default: the one of component.yaml)",
        "version": "such as 1.2.0 (default: component.yaml's, if it is not released yet)",
        "dry-run": "print the plan and do nothing",
        "json": JSON,
        "cache-dir": CACHE,
    }
)
def release(
    _: Context, component: str = "", version: str = "", dry_run: bool = False, json: bool = False, cache_dir: str = ""
) -> None:
    """Release: version, tag, images, notes, GitOps. Stopped anywhere, the same command goes on from there."""
    from lifecycle.build.releasing import show_release

    show_release(workbench(cache_dir), component=component, version=version, dry_run=dry_run, as_json=json)


@task(help={"only": ONLY, "json": JSON, "cache-dir": CACHE})
def status(_: Context, only: str = "", json: bool = False, cache_dir: str = "") -> None:
    """Show how far each combination is: built, tested, pushed, in GitOps, in which pool; and what to do next."""
    from lifecycle.build.status import show_status

    show_status(workbench(cache_dir), only, as_json=json)


@task(
    help={
        "registry": "the retired ones from the registry, too, but for those that the GitOps repository names",
        "dry-run": "say what would go",
        "json": JSON,
        "cache-dir": CACHE,
    }
)
def prune(_: Context, registry: bool = False, dry_run: bool = False, json: bool = False, cache_dir: str = "") -> None:
    """Remove images of this component that are retired or superseded from the engine."""
    from lifecycle.build.pruning import show_prune

    show_prune(workbench(cache_dir), registry=registry, dry_run=dry_run, as_json=json)


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


ALL = (push, manifests, bump_gitops, bump_pools, release, status, prune)
