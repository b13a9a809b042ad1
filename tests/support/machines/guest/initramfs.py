"""The guest's file systems: an image's own, and what the tests put over it, as cpio archives that the kernel unpacks."""

import subprocess
from pathlib import Path
from typing import Any

import docker


def of_image(engine: docker.DockerClient, reference: str, archive: Path) -> None:
    """Archive an image's file system without its devices, because the guest's kernel provides its own."""
    container = engine.containers.create(reference)
    try:
        # The kernel's form of cpio is newc (Documentation/driver-api/early-userspace/buffer-format.rst).
        command = ["bsdtar", "--create", "--format=newc", f"--file={archive}", "--exclude=dev/*", "@-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as bsdtar:
            assert bsdtar.stdin
            chunks: Any = container.export()  # bytes, whatever the SDK's stubs say
            for chunk in chunks:
                bsdtar.stdin.write(chunk)
            bsdtar.stdin.close()
        assert bsdtar.returncode == 0
    finally:
        container.remove(v=True)
    _align(archive)


def of_folder(folder: Path, archive: Path) -> None:
    """Archive a folder's content with root as the owner of all files."""
    command = [
        "bsdtar",
        "--create",
        "--format=newc",
        "--uid=0",
        "--gid=0",
        f"--file={archive}",
        f"--directory={folder}",
    ]
    subprocess.run([*command, "."], check=True)
    _align(archive)


def _align(archive: Path) -> None:
    """Pad an archive to a multiple of four bytes, because the archive after it has to begin at one."""
    with archive.open("ab") as file:
        file.write(b"\0" * (-file.tell() % 4))
