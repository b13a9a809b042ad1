"""Installer homes like those of an image, but with modules chosen by the test and almost no user space."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from lifecycle.cache.results import archive_of
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.image import HOME
from lifecycle.pipeline.package import MODULES_FOLDER
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from lifecycle.tools.archive import write_tar_zst
from tests.support.machines.guest.machine_parts import MachineParts, NotDeclaredError


def make_home(
    parts: MachineParts,
    combination: Combination,
    folder: Path,
    change: Callable[[Path], None],
    *,
    modules_of: Combination,
) -> None:
    """Make a combination's home in `folder`; `change` edits the proprietary modules of `modules_of` before packing."""
    folder.mkdir(parents=True)
    for name in ("manifest.env", "parameters"):
        (folder / name).symlink_to(f"/{HOME}/{name}")
    # Its digest tells images apart.
    (folder / "manifest.json").write_text(json.dumps({"home": folder.name}))
    tree = parts.folder / "trees" / folder.name
    place = tree / MODULES_FOLDER.format(kernel=combination.kernel)
    _unpack(parts, modules_of, tree)
    if modules_of.kernel != combination.kernel:
        place.parent.mkdir(parents=True)
        (tree / MODULES_FOLDER.format(kernel=modules_of.kernel)).rename(place)
    change(place)
    write_tar_zst(tree, folder / "modules-proprietary.tar.zst", level=1, threads=1)
    shutil.rmtree(tree)
    (tree / "bin").mkdir(parents=True)
    write_tar_zst(tree, folder / "userspace.tar.zst", level=1, threads=1)


def _unpack(parts: MachineParts, combination: Combination, tree: Path) -> None:
    target = Targets(parts.project).archive(combination, ModuleType.PROPRIETARY)
    result = parts.cache.result(target.kind, target.digest)
    if result is None:
        raise NotDeclaredError(f"the modules of {target.name} are not in the cache: run `invoke build`")
    tree.mkdir(parents=True)
    subprocess.run(["tar", "-xC", tree, "--zstd", "-f", archive_of(result).path], check=True)
