"""Tasks that bring tested images to clusters."""

from invoke.context import Context

from lifecycle.app.task import CACHE, JSON, ONLY, task, workbench

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
