"""The front door: one thin Invoke task a step. Parses options, calls one function, shows the result."""

import os
from dataclasses import asdict
from functools import partial
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context

from lifecycle.build import tables
from lifecycle.build.boundary import task
from lifecycle.build.diff import show_diff
from lifecycle.build.editing import show_edit, today
from lifecycle.build.explain import show_explanation
from lifecycle.build.failures import raise_failures
from lifecycle.build.mirroring import show_mirror
from lifecycle.build.outdated import show_outdated, show_update
from lifecycle.build.proof_table import show_proof
from lifecycle.build.workbench import Workbench
from lifecycle.model import changes
from lifecycle.model.select import select
from lifecycle.model.targets import Kind

ROOT = Path(__file__).resolve().parent

_ONLY = "which combinations: debian-12, 535, debian-12/535.309.01, current, globs; comma-separated (default: all)"
_CACHE = "the cache folder (default: $XDG_CACHE_HOME/nvidia-installer)"
_JSON = "print JSON on stdout, for scripts"
_LOCKED = "fail rather than change versions.lock (for CI)"


def _bench(cache_dir: str) -> Workbench:
    return Workbench(ROOT, cache_dir=cache_dir, environ=os.environ)


@task(
    help={
        "only": _ONLY,
        "json": _JSON,
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
    positional=["combination"],
    help={"combination": "a combination, as `invoke matrix` prints it, or a selector", "cache-dir": _CACHE},
)
def explain(_: Context, combination: str, cache_dir: str = "") -> None:
    """Say why a combination is in, out, patched, or would be built anew."""
    show_explanation(_bench(cache_dir), combination)


@task(
    help={
        "only": _ONLY,
        "update": "look everything up anew",
        "kernel-images": "also the kernels themselves, which `nox -s test_node` boots",
        "locked": _LOCKED,
        "cache-dir": _CACHE,
    }
)
def fetch(
    _: Context,
    only: str = "",
    update: bool = False,
    kernel_images: bool = False,
    locked: bool = False,
    cache_dir: str = "",
) -> None:
    """Look up and download everything that the combinations are made of, and make the base images."""
    bench = _bench(cache_dir)
    project = bench.resolved(update=update, locked=locked)
    done = bench.fetch(project, lambda p: select(p.matrix(), only), locked=locked, kernel_images=kernel_images)
    bench.progress.say(
        f"{done.downloaded_files} files downloaded, {done.downloaded_bytes / 1e6:.0f} MB; the rest was there"
    )
    _make(bench, only, Kind.BASE, locked=locked)


@task(name="compile", help={"only": _ONLY, "locked": _LOCKED, "cache-dir": _CACHE})
def compile_(_: Context, only: str = "", locked: bool = False, cache_dir: str = "") -> None:
    """Compile the kernel modules, in builder containers without network."""
    _make(_bench(cache_dir), only, Kind.MODULES, locked=locked)


@task(help={"only": _ONLY, "locked": _LOCKED, "cache-dir": _CACHE})
def package(_: Context, only: str = "", locked: bool = False, cache_dir: str = "") -> None:
    """Pack user space and kernel modules into archives that are the same bytes everywhere."""
    _make(_bench(cache_dir), only, Kind.ARCHIVE, locked=locked)


@task(help={"only": _ONLY, "locked": _LOCKED, "cache-dir": _CACHE})
def image(_: Context, only: str = "", locked: bool = False, cache_dir: str = "") -> None:
    """Build the installer images."""
    _make(_bench(cache_dir), only, Kind.IMAGE, locked=locked)


@task(
    default=True,
    help={
        "only": _ONLY,
        "dry-run": "print the plan and do nothing",
        "json": _JSON,
        "locked": _LOCKED,
        "cache-dir": _CACHE,
    },
)
def build(
    _: Context, only: str = "", dry_run: bool = False, json: bool = False, locked: bool = False, cache_dir: str = ""
) -> None:
    """Do all of it, for the whole matrix: fetch, compile, package, image. Skips what is there."""
    bench = _bench(cache_dir)
    made = bench.make(only=only, last=Kind.IMAGE, dry_run=dry_run, locked=locked)
    if dry_run:
        tables.print_json(tables.plan_rows(made.plan.actions)) if json else tables.print_plan(made.plan.actions)
        return
    tables.print_json([asdict(row) for row in tables.result_rows(made)]) if json else tables.print_results(made)
    raise_failures(made)


@task(help={"only": _ONLY, "json": _JSON, "cache-dir": _CACHE})
def verify(_: Context, only: str = "", json: bool = False, cache_dir: str = "") -> None:
    """Prove offline that the kernels would take the modules that ship: vermagic, symbols by CRC, licence, signature."""
    show_proof(_bench(cache_dir), only, as_json=json)


@task(
    positional=["release"],
    help={
        "release": "an OS release, declared or not yet: gardenlinux-1592.10",
        "kernel": "an exact kernel release (default: as declared, or the newest)",
        "flavour": "a kernel flavour (default: that of the release, or of the last one)",
        "dry-run": "say what would be copied",
        "json": _JSON,
        "cache-dir": _CACHE,
    },
)
def mirror(
    _: Context,
    release: str,
    kernel: str = "",
    flavour: str = "",
    dry_run: bool = False,
    json: bool = False,
    cache_dir: str = "",
) -> None:
    """Copy what a release needs from its APT archive into the Swift container that its source names."""
    show_mirror(_bench(cache_dir), release, kernel=kernel, flavour=flavour, dry_run=dry_run, as_json=json)


_DRY_RUN = "show what would change and write nothing"


@task(
    name="add-release",
    positional=["release"],
    help={
        "release": "its name: gardenlinux-1592.10",
        "channel": "previous, current or canary; what stands there makes room",
        "kernel": "an exact kernel release (default: the newest that its source offers)",
        "flavour": "its kernel flavour",
        "builder": "the image that its modules are compiled in (default: like its newest sibling's)",
        "dry-run": _DRY_RUN,
        "cache-dir": _CACHE,
    },
)
def add_release(
    _: Context,
    release: str,
    channel: str = "canary",
    kernel: str = "newest",
    flavour: str = "cloud",
    builder: str = "",
    dry_run: bool = False,
    cache_dir: str = "",
) -> None:
    """Add an OS release that its source has, and retire what it displaces."""
    new = changes.new_release(release, channel=channel, kernel=kernel, flavour=flavour)
    edit = partial(changes.add_release, release=new, builder=builder, date=today())
    show_edit(_bench(cache_dir), edit, dry_run=dry_run)


@task(
    name="add-driver",
    positional=["version"],
    help={"version": "580.105.08, or a branch: 580", "dry-run": _DRY_RUN, "cache-dir": _CACHE},
)
def add_driver(_: Context, version: str, dry_run: bool = False, cache_dir: str = "") -> None:
    """Add a driver that its source has; one more than the policy allows retires the oldest."""
    show_edit(_bench(cache_dir), partial(changes.add_driver, version=version, date=today()), dry_run=dry_run)


@task(positional=["release"], help={"release": "an OS release", "dry-run": _DRY_RUN, "cache-dir": _CACHE})
def promote(_: Context, release: str, dry_run: bool = False, cache_dir: str = "") -> None:
    """Move a release one channel on: canary, current, previous; what stands there makes room."""
    show_edit(_bench(cache_dir), partial(changes.promote, name=release, date=today()), dry_run=dry_run)


@task(help={"json": _JSON, "cache-dir": _CACHE})
def outdated(_: Context, json: bool = False, cache_dir: str = "") -> None:
    """Show what the sources offer that the component does not have: kernels, drivers, releases; and what ends."""
    show_outdated(_bench(cache_dir), as_json=json)


@task(help={"dry-run": _DRY_RUN, "cache-dir": _CACHE})
def update(_: Context, dry_run: bool = False, cache_dir: str = "") -> None:
    """Take what `outdated` shows, as far as the policy of component.yaml goes, and write the lock."""
    show_update(_bench(cache_dir), dry_run=dry_run)


@task(positional=["what"], help={"what": "an OS release, or a driver", "dry-run": _DRY_RUN, "cache-dir": _CACHE})
def retire(_: Context, what: str, dry_run: bool = False, cache_dir: str = "") -> None:
    """Turn an OS release or a driver into a comment with the date."""
    show_edit(_bench(cache_dir), partial(changes.retire, what=what, date=today()), dry_run=dry_run)


def _make(bench: Workbench, only: str, last: Kind, *, locked: bool) -> None:
    made = bench.make(only=only, last=last, dry_run=False, locked=locked)
    tables.print_made(made, last)
    raise_failures(made)


ns = Collection(
    *(matrix, explain, outdated, fetch, compile_, package, image, build, verify),
    *(add_release, add_driver, promote, retire, update, mirror),
)
