"""The front door: one thin Invoke task a step. Parses options, calls one function, shows the result."""

import os
from dataclasses import asdict
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context

from lifecycle import version_tasks
from lifecycle.build import tables
from lifecycle.build.bundling import make_bundle, take_bundle
from lifecycle.build.covering import show_coverage
from lifecycle.build.diff import show_diff
from lifecycle.build.explain import show_explanation
from lifecycle.build.failures import raise_failures
from lifecycle.build.proof_table import show_proof
from lifecycle.build.pruning import show_prune
from lifecycle.build.pushing import show_push
from lifecycle.build.task import BUNDLE, CACHE, JSON, KERNELS, LOCKED, ONLY, task
from lifecycle.build.workbench import Workbench
from lifecycle.model.select import select
from lifecycle.model.targets import Kind

ROOT = Path(__file__).resolve().parent


def _bench(cache_dir: str) -> Workbench:
    return Workbench(ROOT, cache_dir=cache_dir, environ=os.environ)


@task(
    help={
        "only": ONLY,
        "json": JSON,
        "diff": "a git revision: what the working tree adds, drops and rebuilds since, and why",
    }
)
def matrix(_: Context, only: str = "", diff: str = "", json: bool = False) -> None:
    """Show the combinations, their channel, and what is excluded and why."""
    bench = _bench("")
    if diff:
        show_diff(ROOT, diff, bench.answered(), as_json=json)
        return
    everything = bench.answered().matrix()
    chosen = select(everything, only)
    for warning in everything.warnings:
        bench.progress.warn(warning)
    if json:
        tables.print_json(tables.matrix_rows(everything, chosen))
    else:
        tables.print_matrix(everything, chosen)


@task(
    help={
        "nodes": "a file with `kubectl get nodes -o json`, or kernel releases one a line; - is standard input",
        "json": JSON,
    }
)
def coverage(_: Context, nodes: str, json: bool = False) -> None:
    """Say which nodes have an image, now and after an upgrade of their OS, and the exact tag that is missing."""
    show_coverage(_bench(""), nodes, as_json=json)


@task(
    positional=["combination"],
    help={"combination": "a combination, as `invoke matrix` prints it, or a selector", "cache-dir": CACHE},
)
def explain(_: Context, combination: str, cache_dir: str = "") -> None:
    """Say why a combination is in, out, patched, or would be built anew."""
    show_explanation(_bench(cache_dir), combination)


@task(
    help={
        "only": ONLY,
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
    update: bool = False,
    kernel_images: bool = False,
    from_bundle: str = "",
    locked: bool = False,
    cache_dir: str = "",
) -> None:
    """Look up and download everything that the combinations are made of, and make the base images."""
    bench = _bench(cache_dir)
    if from_bundle:
        take_bundle(bench, Path(from_bundle), only, kernel_images=kernel_images)
        locked = True
    project = bench.resolved(update=update, locked=locked)
    done = bench.fetch(project, lambda p: select(p.matrix(), only), locked=locked, kernel_images=kernel_images)
    bench.progress.say(
        f"{done.downloaded_files} files downloaded, {done.downloaded_bytes / 1e6:.0f} MB; the rest was there"
    )
    _make(bench, only, Kind.BASE, locked=locked)


@task(name="compile", help={"only": ONLY, "locked": LOCKED, "cache-dir": CACHE})
def compile_(_: Context, only: str = "", locked: bool = False, cache_dir: str = "") -> None:
    """Compile the kernel modules, in builder containers without network."""
    _make(_bench(cache_dir), only, Kind.MODULES, locked=locked)


@task(help={"only": ONLY, "locked": LOCKED, "cache-dir": CACHE})
def package(_: Context, only: str = "", locked: bool = False, cache_dir: str = "") -> None:
    """Pack user space and kernel modules into archives that are the same bytes everywhere."""
    _make(_bench(cache_dir), only, Kind.ARCHIVE, locked=locked)


@task(help={"only": ONLY, "locked": LOCKED, "cache-dir": CACHE})
def image(_: Context, only: str = "", locked: bool = False, cache_dir: str = "") -> None:
    """Build the installer images."""
    _make(_bench(cache_dir), only, Kind.IMAGE, locked=locked)


@task(
    default=True,
    help={
        "only": ONLY,
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
    dry_run: bool = False,
    json: bool = False,
    from_bundle: str = "",
    locked: bool = False,
    cache_dir: str = "",
) -> None:
    """Do all of it, for the whole matrix: fetch, compile, package, image. Skips what is there."""
    bench = _bench(cache_dir)
    if from_bundle:
        take_bundle(bench, Path(from_bundle), only)
        locked = True
    made = bench.make(only=only, last=Kind.IMAGE, dry_run=dry_run, locked=locked)
    if dry_run:
        tables.print_json(tables.plan_rows(made.plan.actions)) if json else tables.print_plan(made.plan.actions)
        return
    tables.print_json([asdict(row) for row in tables.result_rows(made)]) if json else tables.print_results(made)
    raise_failures(made)


@task(
    positional=["file"],
    help={"file": "where to write it", "only": ONLY, "kernel-images": KERNELS, "cache-dir": CACHE},
)
def bundle(_: Context, file: str, only: str = "", kernel_images: bool = False, cache_dir: str = "") -> None:
    """Write all inputs of the combinations into one file, for a machine without network."""
    make_bundle(_bench(cache_dir), Path(file), only, kernel_images=kernel_images)


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
    show_push(_bench(cache_dir), only, untested=untested, dry_run=dry_run, as_json=json)


@task(
    help={
        "registry": "retired images from the registry too",
        "dry-run": "say what would be removed",
        "json": JSON,
        "cache-dir": CACHE,
    }
)
def prune(_: Context, registry: bool = False, dry_run: bool = False, json: bool = False, cache_dir: str = "") -> None:
    """Remove images of this component that are retired or superseded from the engine."""
    show_prune(_bench(cache_dir), registry=registry, dry_run=dry_run, as_json=json)


@task(help={"only": ONLY, "json": JSON, "cache-dir": CACHE})
def verify(_: Context, only: str = "", json: bool = False, cache_dir: str = "") -> None:
    """Prove offline that the kernels would take the modules that ship: vermagic, symbols by CRC, licence, signature."""
    show_proof(_bench(cache_dir), only, as_json=json)


def _make(bench: Workbench, only: str, last: Kind, *, locked: bool) -> None:
    made = bench.make(only=only, last=last, dry_run=False, locked=locked)
    tables.print_made(made, last)
    raise_failures(made)


ns = Collection(
    *(matrix, explain, coverage, fetch, compile_, package, image, build, verify, push, prune, bundle),
    *version_tasks.ALL,
)
