"""Tasks that remove what is not needed any more."""

from invoke.context import Context

from lifecycle.app.task import CACHE, JSON, task, workbench


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


# A task with a word, and no collection of tasks: of `invoke cache prune` Invoke would run the task that is called `prune`.
@task(
    positional=["action"],
    help={
        "action": "show what takes room, prune what is not needed any more, or verify that nothing is damaged",
        "keep-current": "prune what no current combination needs: this is the default, said aloud",
        "older-than": "prune of that only what has not been used for so long: 12h, 30d, 4w",
        "dry-run": "say what would go",
        "json": JSON,
        "cache-dir": CACHE,
    },
)
def cache(
    _: Context,
    action: str,
    keep_current: bool = False,
    older_than: str = "",
    dry_run: bool = False,
    json: bool = False,
    cache_dir: str = "",
) -> None:
    """Show what takes room in the cache, prune what no current combination needs, or verify what is kept."""
    from lifecycle.build.caching import use_cache

    bench = workbench(cache_dir)
    use_cache(bench, action, keep_current=keep_current, older_than=older_than, dry_run=dry_run, as_json=json)
