"""The probes of patches, asked of the headers of each kernel of the matrix as `invoke compile` asks them."""

import io
import os
import tarfile
from collections.abc import Iterator, Mapping

import docker
import pytest
from docker.models.containers import Container

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.cache.patch_states import PatchState, patch_uses
from lifecycle.config.patches import Patch
from lifecycle.config.versions import VersionRange
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from lifecycle.tools.archive import write_members
from tests.support.checkout import ROOT

_STATES = {"needed": PatchState.APPLIED, "not-needed": PatchState.NOT_NEEDED}
# A typing mistake: no kernel has this header.
_WRONG = b"#include <linux/no_such_header.h>\n"


@pytest.fixture(scope="session")
def kernel(
    kernel_image: str, combination: Combination, project: LockedProject, engine: docker.DockerClient
) -> Iterator[Container]:
    """Start a container of the image with a kernel's headers, with the patches in /patches."""
    container = engine.containers.run(kernel_image, ["infinity"], entrypoint="sleep", network_mode="none", detach=True)
    try:
        put(container, {f"patches/{patch.probe}": read(patch) for patch in patches_for(project, combination)})
        yield container
    finally:
        container.remove(force=True)


def patches_for(project: LockedProject, combination: Combination) -> list[Patch]:
    """Return the patches whose range of kernels includes a combination's, whatever its driver."""
    found = [patch for patch in project.series.patches if patch.probe]
    return [p for p in found if p.kernel is None or combination.linux in VersionRange.parse(p.kernel)]


def read(patch: Patch) -> bytes:
    return (ROOT / "patches" / str(patch.probe)).read_bytes()


def put(container: Container, files: Mapping[str, bytes]) -> None:
    """Write files below / of a container."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        write_members(tar, dict(files))
    assert container.put_archive("/", packed.getvalue())


def ask(container: Container, patches: str, kernel: str) -> tuple[int, str]:
    """Ask the probes in a folder of a container; return the exit code and the output."""
    code, output = container.exec_run(
        ["ask-probes", f"/{patches}", f"/work-{patches}", f"/lib/modules/{kernel}/build", "--jobs=2"]
    )
    assert isinstance(code, int)
    assert isinstance(output, bytes)
    return code, output.decode()


def test_every_probe_has_an_answer_which_the_modules_record(
    kernel: Container, combination: Combination, project: LockedProject
) -> None:
    code, output = ask(kernel, "patches", combination.kernel)
    answers = dict(line.split() for line in output.splitlines())

    assert code == 0, output
    assert answers.keys() == {str(p.probe).removesuffix(".c") for p in patches_for(project, combination)}
    cache, targets = Cache(default_cache_dir(os.environ)), Targets(project)
    same_kernel = [c for c in project.matrix.combinations if c.kernel == combination.kernel]
    recorded = [use for c in same_kernel for use in patch_uses(c, targets, cache) if use.state != PatchState.NOT_ASKED]
    for use in recorded:
        assert use.state == _STATES[answers[str(use.patch.probe).removesuffix(".c")]], use


def test_a_wrong_probe_is_no_answer(kernel: Container, combination: Combination) -> None:
    put(kernel, {"wrong/typing-mistake.c": _WRONG})
    code, output = ask(kernel, "wrong", combination.kernel)

    assert code == 1
    assert "ask-probes: error: probe typing-mistake.c compiles neither as it is nor with NEEDS_PATCH" in output
    assert "no_such_header.h" in output
