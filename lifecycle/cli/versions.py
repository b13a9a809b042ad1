"""Tasks that edit which releases and drivers the component declares, or show what its sources offer."""

from functools import partial

from invoke.context import Context

from lifecycle.app.task import CACHE, DRY_RUN, JSON, task, workbench


@task(help={"json": JSON, "cache-dir": CACHE})
def outdated(_: Context, json: bool = False, cache_dir: str = "") -> None:
    """Show what the sources offer that the component does not have: kernels, drivers, releases; and what ends."""
    from lifecycle.build.outdated import show_outdated

    show_outdated(workbench(cache_dir), as_json=json)


@task(help={"dry-run": DRY_RUN, "cache-dir": CACHE})
def update(_: Context, dry_run: bool = False, cache_dir: str = "") -> None:
    """Take what `outdated` shows, as far as the policy of component.yaml goes, and write the lock."""
    from lifecycle.build.outdated import show_update

    show_update(workbench(cache_dir), dry_run=dry_run)


@task(
    name="add-release",
    positional=["release"],
    help={
        "release": "its name: gardenlinux-1592.10",
        "channel": "previous, current or canary; what stands there makes room",
        "kernel": "an exact kernel release (default: the newest that its source offers)",
        "flavour": "its kernel flavour",
        "builder": "the image that its modules are compiled in (default: like its newest sibling's)",
        "dry-run": DRY_RUN,
        "cache-dir": CACHE,
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
    from lifecycle.build.editing import show_edit, today
    from lifecycle.model import changes

    new = changes.new_release(release, channel=channel, kernel=kernel, flavour=flavour)
    edit = partial(changes.add_release, release=new, builder=builder, date=today())
    show_edit(workbench(cache_dir), edit, dry_run=dry_run)


@task(
    name="add-driver",
    positional=["version"],
    help={"version": "580.105.08, or a branch: 580", "dry-run": DRY_RUN, "cache-dir": CACHE},
)
def add_driver(_: Context, version: str, dry_run: bool = False, cache_dir: str = "") -> None:
    """Add a driver that its source has; one more than the policy allows retires the oldest."""
    from lifecycle.build.editing import show_edit, today
    from lifecycle.model import changes

    show_edit(workbench(cache_dir), partial(changes.add_driver, version=version, date=today()), dry_run=dry_run)


@task(positional=["release"], help={"release": "an OS release", "dry-run": DRY_RUN, "cache-dir": CACHE})
def promote(_: Context, release: str, dry_run: bool = False, cache_dir: str = "") -> None:
    """Move a release one channel on: canary, current, previous; what stands there makes room."""
    from lifecycle.build.editing import show_edit, today
    from lifecycle.model import changes

    show_edit(workbench(cache_dir), partial(changes.promote, name=release, date=today()), dry_run=dry_run)


@task(positional=["what"], help={"what": "an OS release, or a driver", "dry-run": DRY_RUN, "cache-dir": CACHE})
def retire(_: Context, what: str, dry_run: bool = False, cache_dir: str = "") -> None:
    """Turn an OS release or a driver into a comment with the date."""
    from lifecycle.build.editing import show_edit, today
    from lifecycle.model import changes

    show_edit(workbench(cache_dir), partial(changes.retire, what=what, date=today()), dry_run=dry_run)
