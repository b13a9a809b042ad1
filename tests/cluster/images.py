"""Images of the tests' own."""

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

import docker

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
