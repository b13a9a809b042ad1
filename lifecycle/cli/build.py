"""Tasks that build: from locked inputs to images."""

from pathlib import Path

from invoke.context import Context

from lifecycle.app.task import BUNDLE, CACHE, JSON, KERNELS, LOCKED, ONLY, SHARD, open_session, task


@task(
    default=True,
    help={
        "only": ONLY,
        "shard": SHARD,
        "dry-run": "print the plan and do nothing",
        "json": JSON,
        "from-bundle": BUNDLE,
        "locked": LOCKED,
        "rebuild": "build everything of the combinations again, even if it exists",
        "cache-dir": CACHE,
    },
    example="invoke build --only debian-12/535",
)
def build(
    _: Context,
    only: str = "",
    shard: str = "",
    dry_run: bool = False,
    json: bool = False,
    from_bundle: str = "",
    locked: bool = False,
    rebuild: bool = False,
    cache_dir: str = "",
) -> str | None:
    """Build the images of all combinations; skip what exists.

    Runs fetch, compile, package and image. A target exists if a result with the digest of its inputs exists.
    """
    from lifecycle.commands.build import show_build

    session = open_session(cache_dir)
    if from_bundle:
        from lifecycle.commands.bundle import take_bundle

        take_bundle(session, Path(from_bundle), only)
    locked = locked or bool(from_bundle)
    return show_build(session, only, shard, dry_run=dry_run, as_json=json, locked=locked, rebuild=rebuild)


@task(
    help={
        "only": ONLY,
        "shard": SHARD,
        "update": "resolve every declaration again",
        "kernel-images": KERNELS,
        "from-bundle": BUNDLE,
        "locked": LOCKED,
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke fetch --update",
)
def fetch(
    _: Context,
    only: str = "",
    shard: str = "",
    update: bool = False,
    kernel_images: bool = False,
    from_bundle: str = "",
    locked: bool = False,
    json: bool = False,
    cache_dir: str = "",
) -> str:
    """Resolve and download all inputs, and make the base images."""
    from lifecycle.commands.build import show_fetch

    session = open_session(cache_dir)
    if from_bundle:
        from lifecycle.commands.bundle import take_bundle

        take_bundle(session, Path(from_bundle), only, kernel_images=kernel_images)
    locked = locked or bool(from_bundle)
    return show_fetch(session, only, shard, update=update, kernel_images=kernel_images, locked=locked, as_json=json)


@task(
    name="compile",
    help={"only": ONLY, "shard": SHARD, "locked": LOCKED, "json": JSON, "cache-dir": CACHE},
    example="invoke compile --only debian-12",
)
def compile_(
    _: Context, only: str = "", shard: str = "", locked: bool = False, json: bool = False, cache_dir: str = ""
) -> str:
    """Compile the kernel modules in containers without network."""
    from lifecycle.commands.build import show_made
    from lifecycle.planning.targets import Kind

    return show_made(open_session(cache_dir), only, shard, Kind.MODULES, locked=locked, as_json=json)


@task(
    help={"only": ONLY, "shard": SHARD, "locked": LOCKED, "json": JSON, "cache-dir": CACHE},
    example="invoke package --only 535",
)
def package(
    _: Context, only: str = "", shard: str = "", locked: bool = False, json: bool = False, cache_dir: str = ""
) -> str:
    """Pack user space and kernel modules into archives.

    The archives are the same bytes on every machine.
    """
    from lifecycle.commands.build import show_made
    from lifecycle.planning.targets import Kind

    return show_made(open_session(cache_dir), only, shard, Kind.ARCHIVE, locked=locked, as_json=json)


@task(
    help={"only": ONLY, "shard": SHARD, "locked": LOCKED, "json": JSON, "cache-dir": CACHE},
    example="invoke image --only current",
)
def image(
    _: Context, only: str = "", shard: str = "", locked: bool = False, json: bool = False, cache_dir: str = ""
) -> str:
    """Build the installer images."""
    from lifecycle.commands.build import show_made
    from lifecycle.planning.targets import Kind

    return show_made(open_session(cache_dir), only, shard, Kind.IMAGE, locked=locked, as_json=json)


@task(
    help={
        "only": ONLY,
        "published": "check this image in a registry, and what is said of it, instead (default: none)",
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke verify --only 535 --json",
    next_step="invoke status",
)
def verify(_: Context, only: str = "", published: str = "", json: bool = False, cache_dir: str = "") -> None:
    """Check that the kernels accept the modules, without a kernel.

    Compares vermagic, symbol CRCs, licence and signature of the modules in the built images with the locked kernels.
    With --published, checks what is said of an image in a registry, and who says it.
    """
    if published:
        from lifecycle.attest.command import show_published

        show_published(open_session(cache_dir), published, only=only, as_json=json)
    else:
        from lifecycle.commands.verify_table import show_proof

        show_proof(open_session(cache_dir), only, as_json=json)


@task(
    positional=["file"],
    help={"file": "the file to write", "only": ONLY, "kernel-images": KERNELS, "json": JSON, "cache-dir": CACHE},
    example="invoke bundle inputs.tar --only current",
)
def bundle(
    _: Context, file: str, only: str = "", kernel_images: bool = False, json: bool = False, cache_dir: str = ""
) -> str:
    """Write all inputs into one file, for a machine offline."""
    from lifecycle.commands.bundle import make_bundle

    return make_bundle(open_session(cache_dir), Path(file), only, kernel_images=kernel_images, as_json=json)


@task(
    positional=["release"],
    help={
        "release": "an OS release, declared or not yet, such as gardenlinux-1592.10",
        "kernel": "exact kernel release (default: as declared, or the newest)",
        "flavour": "kernel flavour (default: that of the release, or of the last one)",
        "dry-run": "show what would be copied and copy nothing",
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke mirror gardenlinux-1592.10 --dry-run",
    next_step="invoke add-release RELEASE, or invoke fetch for a declared one",
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
    """Copy a release's packages from its APT archive to Swift.

    The Swift container is the one that the release's source names in component.yaml.
    """
    from lifecycle.commands.mirror import show_mirror

    show_mirror(open_session(cache_dir), release, kernel=kernel, flavour=flavour, dry_run=dry_run, as_json=json)
