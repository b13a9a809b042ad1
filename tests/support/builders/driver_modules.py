"""Archives and images of small real driver modules for `invoke verify`, and ways to corrupt them."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.compile import MODULES
from lifecycle.pipeline.image import HOME
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import references
from lifecycle.planning.targets import Targets
from lifecycle.tools.archive import file_digests, file_modes, write_tar_zst
from lifecycle.tools.digest import sha256_of
from tests.support.builders.kernel_modules import module_maker
from tests.support.builders.projects import kernel, local_image, lock, project
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession

RELEASE = "6.1.0-56-cloud-amd64"
ONLY = "old-1/535"
ID = f"old-1/{RELEASE}/535.309.01"
SYMVERS = """\
0xaaaa0001\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t
0x11111111\tprintk\tvmlinux\tEXPORT_SYMBOL\t
0x33333333\tdma_buf_get\tvmlinux\tEXPORT_SYMBOL\tDMA_BUF
"""
CONTROL = "Package: headers\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n"


def headers_package(root: Path) -> Path:
    """Make a kernel's headers package in an empty folder."""
    for path, text in {"DEBIAN/control": CONTROL, f"usr/src/linux-headers-{RELEASE}/Module.symvers": SYMVERS}.items():
        (root / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "tree" / path).write_text(text)
    subprocess.run(["dpkg-deb", "--build", root / "tree", root / "h.deb"], check=True, capture_output=True)
    return root / "h.deb"


def fitting_modules(folder: Path) -> Path:
    """Make driver modules that fit the kernel, in a tree ready to be packed; nvidia-uvm imports a symbol of nvidia."""
    make_module = module_maker(folder)
    tree = folder / "tree"
    place = tree / "lib/modules" / RELEASE
    place.mkdir(parents=True)
    for name in MODULES:
        imports = {"printk": 0x11111111, **({"nvidia_register": 5} if name == "nvidia-uvm" else {})}
        exports = {"nvidia_register": 5} if name == "nvidia" else {}
        shutil.copyfile(make_module(name, imports=imports, exports=exports), place / f"{name}.ko")
    return tree


def session_with(headers: Path, cache: Path) -> FakeSession:
    """Return a session whose cache holds the kernel's headers and nothing else."""
    file = LockedFile(
        name=f"linux-headers-{RELEASE}", version="1", origin="Debian/h", size=1, sha256=sha256_of(headers)
    )
    one = kernel(RELEASE, "6.1.192").model_copy(update={"headers": [file]})
    session = FakeSession(project(lock=lock(kernels={**lock().kernels, "old-1/amd64": one})), cache, FakeEngine())
    shutil.copyfile(headers, session.cache.part(file.sha256))
    session.cache.keep_blob(session.cache.part(file.sha256), file.sha256)
    return session


def combination(session: FakeSession) -> Combination:
    return session.given.matrix.combinations[0]


def pack(session: FakeSession, tree: Path, *, named: Mapping[str, str] | None = None) -> Path:
    """Pack the tree as the combination's archive in the cache, and return the archive's path."""
    target = Targets(session.given).archive(combination(session), ModuleType.PROPRIETARY)
    contents = dict(named or file_digests(tree))
    about: dict[str, object] = {"contents": contents, "modes": file_modes(tree), "unpacked_bytes": 1}
    with session.cache.making(target.kind, target.digest, about) as folder:
        write_tar_zst(tree, folder / "archive.tar.zst", level=1, threads=1)
    return session.cache.root / "results" / target.kind / target.digest / "archive.tar.zst"


def in_an_image(session: FakeSession, tree: Path, *, named: Mapping[str, str] | None = None) -> FakeSession:
    """Put the tree into an image of the combination, and delete all results from the cache."""
    archive = pack(session, tree)
    reference = references(session.given.component.image, combination(session))[0]
    image = local_image(reference, digest=Targets(session.given).image(combination(session)).digest)
    manifest = {"module_types": {"proprietary": {"files": dict(named or file_digests(tree))}}}
    files = {"manifest.json": json.dumps(manifest).encode(), "modules-proprietary.tar.zst": archive.read_bytes()}
    session.engine = FakeEngine(image, files={f"/{HOME}/{name}": data for name, data in files.items()})
    shutil.rmtree(session.cache.root / "results")
    return session


def ko(tree: Path, name: str) -> Path:
    return next(tree.rglob(f"{name}.ko"))


def gone(tree: Path) -> None:
    ko(tree, "nvidia-peermem").unlink()
