"""Installers and redistributable archives made as NVIDIA makes its own, from a driver's real files.

NVIDIA's .run files are not available here. makeself packs them too, and NVIDIA's README describes their layout. They have
one option that makeself lacks, --extract-only, which is added to makeself's header. NVIDIA's redistributable folder was not
reached either. Its form comes from public users of it: the index is that of CUDA's, and an archive has the files of the .run
file in `bin`, `sbin`, `lib`, `etc`, `firmware`, `kernel` and `kernel-open`, below one folder.
"""

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.unpack import unpack_deb
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.sources.redistributable import DRIVER
from lifecycle.tools.digest import sha256_of

# The files of a small driver, laid out as in an installer.
SMALL_DRIVER = {
    "kernel/Kbuild": b"k",
    "libcuda.so.1": b"cuda",
    "nvidia-smi": b"smi",
    "LICENSE": b"l",
    "32/libcuda.so.1": b"no",
}
_HEADER = Path("/usr/share/makeself/makeself-header.sh")
_SBIN = ("nvidia-smi", "nvidia-cuda-mps-control", "nvidia-cuda-mps-server")
_TOP = ("kernel", "kernel-open", "firmware", "LICENSE")
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


def add_version(folder: Path, version: str, products: Mapping[str, Path], *, platform: str = "linux-x86_64") -> Path:
    """Pack a folder for each product (`nvidia_driver`), and write the index of the version; return the index."""
    index: dict[str, object] = {"release_label": version, "release_product": "nvidia-driver"}
    for product, tree in products.items():
        name = f"{product}-{platform}-{version}-archive"
        path = folder / product / platform / f"{name}.tar.xz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:xz", preset=0) as tar:
            tar.add(tree, name)
        archive = {
            "relative_path": path.relative_to(folder).as_posix(),
            "sha256": sha256_of(path),
            "size": str(path.stat().st_size),
        }
        index[product] = {"name": product, "version": version, platform: archive}
    made = folder / f"redistrib_{version}.json"
    made.write_text(json.dumps(index, indent=2))
    return made


def sort_tree(tree: Path, target: Path) -> Path:
    """Move the files of a folder laid out as a .run file into the folders of a redistributable archive."""
    target.mkdir()
    for path in sorted(tree.iterdir()):
        folder = "" if path.name in _TOP else _folder_of(path.name)
        (target / folder).mkdir(exist_ok=True)
        shutil.move(path, target / folder / path.name)
    return target


def driver_archive(folder: Path, driver: LockedDriver, source: Cache, target: Cache) -> LockedFile:
    """Make an archive of a driver's real files, from the cache `source`, and keep it in the cache `target`."""
    tree = sort_tree(driver_tree(folder, driver, source), folder / "sorted")
    add_version(folder, driver.version, {DRIVER: tree})
    (path,) = folder.glob(f"{DRIVER}/*/*.tar.xz")
    digest, size = sha256_of(path), path.stat().st_size
    shutil.move(path, target.part(digest))
    target.keep_blob(target.part(digest), digest)
    name = path.name.partition(f"-{driver.version}")[0]
    return LockedFile(name=name, version=driver.version, origin=f"file:{path}", size=size, sha256=digest)


def redistributable(path: Path, files: Mapping[str, bytes], *, top: str = "") -> Path:
    """Write an archive like NVIDIA's redistributable one, with a single folder named after the version."""
    top = top or path.name.removesuffix(".tar.xz") + "/"
    with tarfile.open(path, "w:xz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{top}{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


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


def _folder_of(name: str) -> str:
    if name.endswith(".icd"):
        return "etc"
    if name in _SBIN:
        return "sbin"
    return "lib" if ".so" in name else "bin"
