"""The front door: one thin Invoke task a step. Parses options, calls one function, shows the result."""

from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context

from lifecycle import release_tasks, version_tasks
from lifecycle.build.task import BUNDLE, CACHE, FORMAT, JSON, KERNELS, LOCKED, ONLY, SHARD, task, workbench


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
    positional=["combination"],
    help={"combination": "a combination, as `invoke matrix` prints it, or a selector", "cache-dir": CACHE},
)
def explain(_: Context, combination: str, cache_dir: str = "") -> None:
    """Say why a combination is in, out, patched, or would be built anew."""
    from lifecycle.build.explain import show_explanation

    show_explanation(workbench(cache_dir), combination)


@task(
    help={
        "only": ONLY,
        "shard": SHARD,
        "update": "look everything up anew",
        "kernel-images": KERNELS,
        "from-bundle": BUNDLE,
        "locked": LOCKED,
        "cache-dir": CACHE,
    }
)
def fetch(
    _: Context,
    only: str = "",
    shard: str = "",
    update: bool = False,
    kernel_images: bool = False,
    from_bundle: str = "",
    locked: bool = False,
    cache_dir: str = "",
) -> None:
    """Look up and download everything that the combinations are made of, and make the base images."""
    from lifecycle.build.making import show_fetch

    bench = workbench(cache_dir)
    if from_bundle:
        from lifecycle.build.bundling import take_bundle

        take_bundle(bench, Path(from_bundle), only, kernel_images=kernel_images)
    locked = locked or bool(from_bundle)
    show_fetch(bench, only, shard, update=update, kernel_images=kernel_images, locked=locked)


@task(name="compile", help={"only": ONLY, "shard": SHARD, "locked": LOCKED, "cache-dir": CACHE})
def compile_(_: Context, only: str = "", shard: str = "", locked: bool = False, cache_dir: str = "") -> None:
    """Compile the kernel modules, in builder containers without network."""
    from lifecycle.build.making import show_made
    from lifecycle.model.targets import Kind

    show_made(workbench(cache_dir), only, shard, Kind.MODULES, locked=locked)


@task(help={"only": ONLY, "shard": SHARD, "locked": LOCKED, "cache-dir": CACHE})
def package(_: Context, only: str = "", shard: str = "", locked: bool = False, cache_dir: str = "") -> None:
    """Pack user space and kernel modules into archives that are the same bytes everywhere."""
    from lifecycle.build.making import show_made
    from lifecycle.model.targets import Kind

    show_made(workbench(cache_dir), only, shard, Kind.ARCHIVE, locked=locked)


@task(help={"only": ONLY, "shard": SHARD, "locked": LOCKED, "cache-dir": CACHE})
def image(_: Context, only: str = "", shard: str = "", locked: bool = False, cache_dir: str = "") -> None:
    """Build the installer images."""
    from lifecycle.build.making import show_made
    from lifecycle.model.targets import Kind

    show_made(workbench(cache_dir), only, shard, Kind.IMAGE, locked=locked)


@task(
    default=True,
    help={
        "only": ONLY,
        "shard": SHARD,
        "dry-run": "print the plan and do nothing",
        "json": JSON,
        "from-bundle": BUNDLE,
        "locked": LOCKED,
        "cache-dir": CACHE,
    },
)
def build(
    _: Context,
    only: str = "",
    shard: str = "",
    dry_run: bool = False,
    json: bool = False,
    from_bundle: str = "",
    locked: bool = False,
    cache_dir: str = "",
) -> None:
    """Do all of it, for the whole matrix: fetch, compile, package, image. Skips what is there."""
    from lifecycle.build.making import show_build

    bench = workbench(cache_dir)
    if from_bundle:
        from lifecycle.build.bundling import take_bundle

        take_bundle(bench, Path(from_bundle), only)
    show_build(bench, only, shard, dry_run=dry_run, as_json=json, locked=locked or bool(from_bundle))


@task(
    positional=["file"],
    help={"file": "where to write it", "only": ONLY, "kernel-images": KERNELS, "cache-dir": CACHE},
)
def bundle(_: Context, file: str, only: str = "", kernel_images: bool = False, cache_dir: str = "") -> None:
    """Write all inputs of the combinations into one file, for a machine without network."""
    from lifecycle.build.bundling import make_bundle

    make_bundle(workbench(cache_dir), Path(file), only, kernel_images=kernel_images)


@task(help={"only": ONLY, "json": JSON, "cache-dir": CACHE})
def verify(_: Context, only: str = "", json: bool = False, cache_dir: str = "") -> None:
    """Prove offline that the kernels would take the modules that ship: vermagic, symbols by CRC, licence, signature."""
    from lifecycle.build.proof_table import show_proof

    show_proof(workbench(cache_dir), only, as_json=json)


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


ns = Collection(
    *(matrix, changed, explain, coverage, fetch, compile_, package, image, build, verify, bundle, cache),
    *release_tasks.ALL,
    *version_tasks.ALL,
)
