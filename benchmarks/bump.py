"""A kernel bump: the build of all combinations after each release's kernel has been replaced by the next one in its archive."""

import os
import re
from collections.abc import Mapping, Sequence

from debian.debian_support import Version

from benchmarks.builds import OurBuild
from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.project import COMPONENT, LOCK
from lifecycle.sources.session import SourceSession
from lifecycle.tools.engine.docker_engine import DockerEngine
from lifecycle.tools.terminal.progress import Progress


def kernels_before(project: LockedProject) -> dict[str, str]:
    """Return the kernel (`uname -r`) before the locked one in the archive of each release that has a combination.

    Raises SystemExit if an archive has none.
    """
    session = SourceSession(
        project=project,
        environ=os.environ,
        cache=Cache(default_cache_dir(os.environ)),
        engine=DockerEngine(os.environ),
        progress=Progress(),
    )
    found = {}
    for combination in {c.release: c for c in project.matrix.combinations}.values():
        source = project.component.source_of(combination.release)
        names = session.indexes.open(source, combination.architecture).names("linux-headers-")
        found[combination.release] = kernel_before(combination, names)
    return found


def kernel_before(combination: Combination, names: Sequence[str]) -> str:
    """Return the kernel before a combination's, of the same flavour, among the names of headers packages.

    Raises SystemExit if there is none.
    """
    kernels = [name.removeprefix("linux-headers-") for name in names]
    shape = re.compile(re.sub(r"\d+", r"\\d+", re.escape(combination.kernel)))
    older = [k for k in kernels if shape.fullmatch(k) and Version(k) < Version(combination.kernel)]
    if not older:
        raise SystemExit(f"the archive of {combination.release} has no kernel before {combination.kernel}")
    return max(older, key=Version)


def time_bump(ours: OurBuild, kernels: Mapping[str, str]) -> tuple[float, float]:
    """Build with the kernels before, from nothing, then with those that are locked. Return the wall seconds of both builds."""
    files = {name: (ours.checkout / name).read_bytes() for name in (COMPONENT, LOCK)}
    component = files[COMPONENT].decode()
    for release, kernel in kernels.items():
        component, count = re.subn(rf"(\{{name: {re.escape(release)},)", rf"\1 kernel: {kernel},", component)
        if count != 1:
            raise SystemExit(f"{COMPONENT}: {release} is declared {count} times in the form {{name: {release}, …}}")
    (ours.checkout / COMPONENT).write_text(component)
    before, _ = ours.build()
    for name, content in files.items():
        (ours.checkout / name).write_bytes(content)
    return before, ours.build()[0]
