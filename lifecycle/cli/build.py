"""Tasks that build: from locked inputs to images."""

from pathlib import Path

from invoke.context import Context

from lifecycle.app.task import BUNDLE, CACHE, JSON, KERNELS, LOCKED, ONLY, SHARD, task, workbench


@task(
    default=True,
    help={
        "only": ONLY,
        "shard": SHARD,
        "dry-run": "print the plan and do nothing",
        "json": JSON,
        "from-bundle": BUNDLE,
        "locked": LOCKED,
        "rebuild": "make everything of the combinations again, whatever exists",
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
    rebuild: bool = False,
    cache_dir: str = "",
) -> None:
    """Do all of it, for the whole matrix: fetch, compile, package, image. Skips what is there."""
    from lifecycle.build.making import show_build

    bench = workbench(cache_dir)
    if from_bundle:
        from lifecycle.build.bundling import take_bundle

        take_bundle(bench, Path(from_bundle), only)
    locked = locked or bool(from_bundle)
    show_build(bench, only, shard, dry_run=dry_run, as_json=json, locked=locked, rebuild=rebuild)


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


@task(help={"only": ONLY, "json": JSON, "cache-dir": CACHE})
def verify(_: Context, only: str = "", json: bool = False, cache_dir: str = "") -> None:
    """Prove offline that the kernels would take the modules that ship: vermagic, symbols by CRC, licence, signature."""
    from lifecycle.build.proof_table import show_proof

    show_proof(workbench(cache_dir), only, as_json=json)


@task(
    positional=["file"],
    help={"file": "where to write it", "only": ONLY, "kernel-images": KERNELS, "cache-dir": CACHE},
)
def bundle(_: Context, file: str, only: str = "", kernel_images: bool = False, cache_dir: str = "") -> None:
    """Write all inputs of the combinations into one file, for a machine without network."""
    from lifecycle.build.bundling import make_bundle

    make_bundle(workbench(cache_dir), Path(file), only, kernel_images=kernel_images)


@task(
    positional=["release"],
    help={
        "release": "an OS release, declared or not yet: gardenlinux-1592.10",
        "kernel": "an exact kernel release (default: as declared, or the newest)",
        "flavour": "a kernel flavour (default: that of the release, or of the last one)",
        "dry-run": "say what would be copied",
        "json": JSON,
        "cache-dir": CACHE,
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
    from lifecycle.build.mirroring import show_mirror

    show_mirror(workbench(cache_dir), release, kernel=kernel, flavour=flavour, dry_run=dry_run, as_json=json)
