"""Tasks that remove what is not needed any more."""

from invoke.collection import Collection
from invoke.context import Context

from lifecycle.app.task import CACHE, JSON, open_session, task


@task(
    help={
        "registry": "also remove retired images from the registry, if GitOps does not name them",
        "dry-run": "show what would be removed and remove nothing",
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke prune --registry --dry-run",
    next_step="invoke cache.show",
)
def prune(_: Context, registry: bool = False, dry_run: bool = False, json: bool = False, cache_dir: str = "") -> None:
    """Remove retired and superseded images from the engine."""
    from lifecycle.cleanup.prune_images import show_prune

    show_prune(open_session(cache_dir), registry=registry, dry_run=dry_run, as_json=json)


@task(
    name="show",
    help={"json": JSON, "cache-dir": CACHE},
    example="invoke cache.show --json",
    next_step="invoke cache.prune --dry-run",
)
def cache_show(_: Context, json: bool = False, cache_dir: str = "") -> None:
    """Show the size of the cache, and how much of it is needed."""
    from lifecycle.cleanup.cache_show import show_room

    show_room(open_session(cache_dir), as_json=json)


@task(
    name="prune",
    help={
        "keep-current": "keep what current combinations need (this is always so)",
        "older-than": "remove only what was not used for so long: 12h, 30d, 4w (default: any age)",
        "dry-run": "show what would be removed and remove nothing",
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke cache.prune --older-than 30d --dry-run",
)
def cache_prune(
    _: Context,
    keep_current: bool = False,
    older_than: str = "",
    dry_run: bool = False,
    json: bool = False,
    cache_dir: str = "",
) -> None:
    """Remove from the cache what no current combination needs."""
    from lifecycle.cleanup.cache_prune import show_cache_prune
    from lifecycle.cleanup.retention import Age

    del keep_current  # nothing else is ever removed
    age = Age.parse(older_than) if older_than else None
    show_cache_prune(open_session(cache_dir), age, dry_run=dry_run, as_json=json)


@task(
    name="verify",
    help={"dry-run": "name what is damaged and keep it", "json": JSON, "cache-dir": CACHE},
    example="invoke cache.verify --dry-run",
)
def cache_verify(_: Context, dry_run: bool = False, json: bool = False, cache_dir: str = "") -> None:
    """Hash all that the cache holds again; remove what is damaged."""
    from lifecycle.cleanup.cache_verify import show_damage

    show_damage(open_session(cache_dir), dry_run=dry_run, as_json=json)


cache = Collection("cache", cache_show, cache_prune, cache_verify)
