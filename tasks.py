"""The front door: one thin Invoke task a step. Parses options, calls one function, shows the result."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from lifecycle.build import tables
from lifecycle.build.diff import show_diff
from lifecycle.build.explain import show_explanation
from lifecycle.build.failures import raise_failures
from lifecycle.build.mirroring import show_mirror
from lifecycle.build.proof_table import show_proof
from lifecycle.build.workbench import Workbench
from lifecycle.errors import EXIT_INTERRUPTED, InstallerError, SystemRefusedError
from lifecycle.model.select import select
from lifecycle.model.targets import Kind

ROOT = Path(__file__).resolve().parent

_ONLY = "which combinations: debian-12, 535, debian-12/535.309.01, current, globs; comma-separated (default: all)"
_CACHE = "the cache folder (default: $XDG_CACHE_HOME/nvidia-installer)"
_JSON = "print JSON on stdout, for scripts"
_LOCKED = "fail rather than change versions.lock (for CI)"


class LifecycleTask(Task[Any]):
    """A task whose errors become one message on stderr and an exit code, never a traceback."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as invoke declares it
        """Run the task; raises Exit with the error's own exit code, 130 on Ctrl-C."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return super().__call__(*args, **kwargs)
        except BrokenPipeError as error:
            # Whoever read our output has seen enough; Python would complain once more when it flushes at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Exit(code=0) from error
        except OSError as error:
            raise Exit(f"error: {SystemRefusedError(error)}", code=SystemRefusedError.exit_code) from error
        except InstallerError as error:
            raise Exit(f"error: {error}", code=error.exit_code) from error
        except KeyboardInterrupt as error:
            raise Exit(
                "interrupted: nothing half made is left, run the same command to go on", EXIT_INTERRUPTED
            ) from error


def task(**options: Any) -> Callable[[Callable[..., None]], LifecycleTask]:  # noqa: ANN401 - invoke's own options
    """Invoke's decorator, with our error boundary."""
    decorator: Callable[[Callable[..., None]], LifecycleTask] = invoke_task(klass=LifecycleTask, **options)
    return decorator


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


def _make(bench: Workbench, only: str, last: Kind, *, locked: bool) -> None:
    made = bench.make(only=only, last=last, dry_run=False, locked=locked)
    tables.print_made(made, last)
    raise_failures(made)


ns = Collection(matrix, explain, fetch, compile_, package, image, build, verify, mirror)
