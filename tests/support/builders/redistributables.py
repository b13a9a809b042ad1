"""A folder laid out as NVIDIA's redistributable one: an index for each version, and archives of a driver's files.

NVIDIA's own folder was not reached. Its form comes from public users of it: the index is that of CUDA's, and an archive has
the files of the .run file in `bin`, `sbin`, `lib`, `etc`, `firmware`, `kernel` and `kernel-open`, below one folder.
"""

import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import sha256_of
from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.sources.redistributable import DRIVER
from tests.support.builders.runfiles import driver_tree

_SBIN = ("nvidia-smi", "nvidia-cuda-mps-control", "nvidia-cuda-mps-server")
_TOP = ("kernel", "kernel-open", "firmware", "LICENSE")


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


def _folder_of(name: str) -> str:
    if name.endswith(".icd"):
        return "etc"
    if name in _SBIN:
        return "sbin"
    return "lib" if ".so" in name else "bin"
