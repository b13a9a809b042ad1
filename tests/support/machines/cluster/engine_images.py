"""Images of the tests' own, in the engine that `invoke build` uses."""

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker

from lifecycle.planning.project import load_project
from lifecycle.planning.tags import references
from tests.support.checkout import ROOT
from tests.support.combinations import runnable
from tests.support.machines.cluster.containerd import PAUSE

# The repository of the installer images that tests build.
IMAGE = "installer"
_PAUSE_TAG = PAUSE.removeprefix("docker.io/library/")  # as Docker calls it
_PAUSE = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n"


@contextmanager
def own_images() -> Iterator[docker.DockerClient]:
    """Yield a client of the engine that `invoke build` uses, and remove the images of the tests from it at the end."""
    with closing(docker.from_env()) as engine:
        try:
            yield engine
        finally:
            for name in (IMAGE, _PAUSE_TAG):
                for tag in [tag for image in engine.images.list(name) for tag in image.tags if tag.startswith(name)]:
                    engine.images.remove(tag)


def pause_image(engine: docker.DockerClient) -> Iterable[bytes]:
    """Build the image of what holds a pod's namespaces, one program that waits, and return its archive."""
    with tempfile.TemporaryDirectory() as name:
        source, program = Path(name, "pause.c"), Path(name, "pause")
        source.write_text(_PAUSE)
        subprocess.run(["gcc", "-static", "-Os", "-s", "-o", program, source], check=True)
        build(engine, _PAUSE_TAG, 'FROM scratch\nCOPY pause /\nENTRYPOINT ["/pause"]\n', {"pause": program})
    saved: Iterable[bytes] = engine.images.get(_PAUSE_TAG).save(named=_PAUSE_TAG)
    return saved


def build(engine: docker.DockerClient, tag: str, dockerfile: str, files: dict[str, Path]) -> None:
    """Build an image of a Dockerfile and files, or folders, by their names in its context."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(dockerfile.encode())
        tar.addfile(info, io.BytesIO(dockerfile.encode()))
        for file, path in files.items():
            tar.add(path, file)
    context.seek(0)
    engine.images.build(fileobj=context, custom_context=True, tag=tag, rm=True, forcerm=True)


@dataclass(frozen=True)
class Installer:
    """A real installer image: its name in an engine, and the version of its driver."""

    reference: str
    version: str


def real_image() -> Installer:
    """Return an image that `invoke build` has made: the first whose kernel is not this machine's."""
    combination = next(found for found in runnable("") if found.kernel != os.uname().release)
    return Installer(references(load_project(ROOT).component.image, combination)[0], combination.driver)
