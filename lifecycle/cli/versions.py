"""Tasks that edit which releases and drivers the component declares, or show what its sources offer."""

from functools import partial

from invoke.context import Context

from lifecycle.app.task import CACHE, DRY_RUN, JSON, ONLY, open_session, task


@task(
    help={"json": JSON, "cache-dir": CACHE},
    example="invoke outdated --json",
)
def outdated(_: Context, json: bool = False, cache_dir: str = "") -> str:
    """Show newer kernels, drivers and releases, and what ends."""
    from lifecycle.versions.outdated import show_outdated

    return show_outdated(open_session(cache_dir), as_json=json)


@task(
    help={
        "kernels": "kernels of any age by a glob such as 6.12.* (default: the newest, if newer than today's)",
        "only": ONLY,
        "output": "folder to write radar.md and radar.json into (default: build/radar)",
        "dry-run": "show what would be compiled and what is known; compile and write nothing",
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke radar --dry-run",
)
def radar(
    _: Context,
    kernels: str = "",
    only: str = "",
    output: str = "",
    dry_run: bool = False,
    json: bool = False,
    cache_dir: str = "",
) -> str | None:
    """Compile the drivers for the kernels to come.

    Asks the sources of each release and the suites of component.yaml's `radar`. Compiles only what is new. Ends with exit code 1 if
    a driver will break.
    """
    from lifecycle.radar.command import RadarRequest, show_radar

    request = RadarRequest(kernels=kernels, only=only, folder=output, dry_run=dry_run)
    return show_radar(open_session(cache_dir), request, as_json=json)


@task(
    help={"dry-run": DRY_RUN, "json": JSON, "cache-dir": CACHE},
    example="invoke update --dry-run",
    next_step="invoke build",
)
def update(_: Context, dry_run: bool = False, json: bool = False, cache_dir: str = "") -> None:
    """Apply what `outdated` shows, within component.yaml's policy.

    Edits the files, writes the lock and prints the difference.
    """
    from lifecycle.versions.outdated import show_update

    show_update(open_session(cache_dir), dry_run=dry_run, as_json=json)


@task(
    name="add-release",
    positional=["release"],
    help={
        "release": "name of the release, such as gardenlinux-1592.10",
        "channel": "previous, current or canary (default: canary)",
        "kernel": "exact kernel release (default: newest, the newest that its source offers)",
        "flavour": "kernel flavour (default: cloud)",
        "builder": "image that compiles its modules (default: of its source, or sibling)",
        "dry-run": DRY_RUN,
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke add-release gardenlinux-1592.10 --channel canary",
    next_step="invoke build",
)
def add_release(
    _: Context,
    release: str,
    channel: str = "canary",
    kernel: str = "newest",
    flavour: str = "cloud",
    builder: str = "",
    dry_run: bool = False,
    json: bool = False,
    cache_dir: str = "",
) -> None:
    """Add an OS release; retire the one that it displaces."""
    from lifecycle.versions import edits
    from lifecycle.versions.apply_edit import show_edit, today

    new = edits.new_release(release, channel=channel, kernel=kernel, flavour=flavour)
    edit = partial(edits.add_release, release=new, builder=builder, date=today())
    show_edit(open_session(cache_dir), edit, dry_run=dry_run, as_json=json)


@task(
    name="add-driver",
    positional=["version"],
    help={
        "version": "version such as 580.105.08, or a branch such as 580",
        "dry-run": DRY_RUN,
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke add-driver 580",
    next_step="invoke build",
)
def add_driver(_: Context, version: str, dry_run: bool = False, json: bool = False, cache_dir: str = "") -> None:
    """Add a driver; retire the oldest if policy allows no more."""
    from lifecycle.versions import edits
    from lifecycle.versions.apply_edit import show_edit, today

    show_edit(
        open_session(cache_dir), partial(edits.add_driver, version=version, date=today()), dry_run=dry_run, as_json=json
    )


@task(
    positional=["release"],
    help={
        "release": "an OS release",
        "force": "promote a canary that lacks evidence",
        "dry-run": DRY_RUN,
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke promote debian-13-backports",
    next_step="invoke build",
)
def promote(
    _: Context,
    release: str,
    force: bool = False,
    dry_run: bool = False,
    json: bool = False,
    cache_dir: str = "",
) -> None:
    """Move an OS release one channel on, a canary with evidence.

    The channels are canary, current and previous, in this order. The release that has that channel moves on or is retired.
    `policy.promotion` in component.yaml says what evidence a canary needs; the command shows it, and refuses without it.
    """
    from lifecycle.promotion.command import PromotionRequest, show_promotion

    request = PromotionRequest(release=release, dry_run=dry_run, force=force)
    show_promotion(open_session(cache_dir), request, as_json=json)


@task(
    positional=["what"],
    help={"what": "an OS release, or a driver", "dry-run": DRY_RUN, "json": JSON, "cache-dir": CACHE},
    example="invoke retire 535 --dry-run",
    next_step="invoke build",
)
def retire(_: Context, what: str, dry_run: bool = False, json: bool = False, cache_dir: str = "") -> None:
    """Turn an OS release or a driver into a comment with the date."""
    from lifecycle.versions import edits
    from lifecycle.versions.apply_edit import show_edit, today

    show_edit(open_session(cache_dir), partial(edits.retire, name=what, date=today()), dry_run=dry_run, as_json=json)
