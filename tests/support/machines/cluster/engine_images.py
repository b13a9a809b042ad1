"""Images of the tests' own."""

import io
import os
import subprocess
import tarfile
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from lifecycle.planning.project import load_project
from lifecycle.planning.tags import references
from tests.support.checkout import ROOT
from tests.support.combinations import runnable

_PAUSE = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n"


def pause_image(engine: docker.DockerClient, tag: str) -> None:
    """Make the image of what holds a pod's namespaces: one program that waits."""
    with tempfile.TemporaryDirectory() as name:
        source, program = Path(name, "pause.c"), Path(name, "pause")
        source.write_text(_PAUSE)
        subprocess.run(["gcc", "-static", "-Os", "-s", "-o", program, source], check=True)
        build(engine, tag, 'FROM scratch\nCOPY pause /\nENTRYPOINT ["/pause"]\n', {"pause": program})


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


def real_image(engine: docker.DockerClient) -> Installer:
    """Carry an image that `invoke build` has made over to an engine: the first whose kernel is not this machine's."""
    combination = next(found for found in runnable("") if found.kernel != os.uname().release)
    reference = references(load_project(ROOT).component.image, combination)[0]
    with closing(docker.from_env()) as own:
        saved: Any = own.images.get(reference).save(
            named=reference
        )  # an iterator, which load takes, whatever the stubs say
        engine.images.load(saved)
    return Installer(reference, combination.driver)
