"""Installers made as NVIDIA makes its own: with makeself, from a driver's real files.

NVIDIA's .run files are not available here. makeself packs them too, and NVIDIA's README describes their layout. They have
one option that makeself lacks, --extract-only, which is added to makeself's header.
"""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import sha256_of
from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.unpack import unpack_deb
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination

_HEADER = Path("/usr/share/makeself/makeself-header.sh")
_NO_EXEC = "\t--noexec)\n"
_EXTRACT_ONLY = '    --extract-only)\n\tscript=""\n\tcleanup_script=""\n\tshift\n\t;;\n'


def make_runfile(folder: Path, version: str, files: Mapping[str, bytes | Path], *, arch: str = "x86_64") -> Path:
    """Make an installer of a version in a folder, with files by their path; files without a suffix are executable."""
    tree = folder / f"tree-{version}"
    for name, content in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        path.chmod(0o644 if path.suffix else 0o755)
    return pack_runfile(tree, folder / f"NVIDIA-Linux-{arch}-{version}.run")


def pack_runfile(tree: Path, path: Path, *compression: str) -> Path:
    """Pack a folder laid out like NVIDIA's; `compression` holds makeself's compression options, by default --xz."""
    header = path.with_suffix(".header")
    text = _HEADER.read_text().replace(_NO_EXEC, _EXTRACT_ONLY + _NO_EXEC, 1)
    assert _EXTRACT_ONLY in text
    header.write_text(text)
    how = compression or ("--xz",)
    options = ["--header", str(header), *how, "--quiet", "--sha256"]
    command = ["makeself", *options, str(tree), str(path), "NVIDIA driver", "true"]
    subprocess.run(command, check=True, capture_output=True)
    return path


def driver_tree(folder: Path, driver: LockedDriver, cache: Cache) -> Path:
    """Lay out a driver's real files, from Debian's packages, in a folder as in NVIDIA's installer."""
    tree = folder / "tree"
    unpacked = folder / "unpacked"
    for file in driver.userspace:
        unpack_deb(cache.blob(file.sha256), file, _new(unpacked / file.name))
    for module_type, files in driver.modules.items():
        place = _new(unpacked / f"sources-{module_type}")
        for file in files:
            unpack_deb(cache.blob(file.sha256), file, place)
        sources = next(place.rglob("dkms.conf")).parent
        shutil.move(sources, _new(tree) / ("kernel" if module_type is ModuleType.PROPRIETARY else "kernel-open"))
    for path in sorted(unpacked.rglob("*")):
        name = _place(path, driver.version)
        if name and path.is_file() and not path.is_symlink():
            shutil.copy(path, _new((tree / name).parent) / path.name)
    (tree / "LICENSE").write_text("NVIDIA's licence stands here.\n")
    (tree / "nvidia-installer").write_bytes(b"\x7fELF")
    return tree


def driver_runfile(folder: Path, driver: LockedDriver, source: Cache, target: Cache) -> LockedFile:
    """Make an installer of a driver's real files, from the cache `source`, and keep it in the cache `target`."""
    path = folder / f"NVIDIA-Linux-x86_64-{driver.version}.run"
    # At this size what a download saves is not worth the minutes.
    pack_runfile(driver_tree(folder, driver, source), path, "--gzip", "--complevel", "1")
    digest, size = sha256_of(path), path.stat().st_size
    shutil.move(path, target.part(digest))
    target.keep_blob(target.part(digest), digest)
    name = "NVIDIA-Linux-x86_64"
    return LockedFile(name=name, version=driver.version, origin=f"file:{path}", size=size, sha256=digest)


def with_runfile(project: LockedProject, combination: Combination, runfile: LockedFile) -> LockedProject:
    """Return the project with the driver of a combination in one file: the installer, or a redistributable archive."""
    key = f"{combination.declared_driver}/{combination.architecture}"
    known = project.lock.drivers[key]
    modules = {module_type: [runfile] for module_type in known.modules}
    driver = LockedDriver(declaration="d", version=known.version, modules=modules, userspace=[runfile])
    return replace(project, lock=project.lock.model_copy(update={"drivers": {**project.lock.drivers, key: driver}}))


def _place(path: Path, version: str) -> str | None:
    if path.suffix == ".bin" and "firmware" in path.parts:
        return f"firmware/{path.name}"
    if path.parent.name in ("bin", "sbin") or path.name == "nvidia.icd":
        return path.name
    if path.name == "nvidia-smi" and path.parent.name == "current":
        return path.name
    return path.name if path.name.startswith("lib") and path.name.endswith(f".so.{version}") else None


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
