"""The archive of `nvidia-installer collect` on a node under test."""

import subprocess
from pathlib import Path

from tests.support.machines.node_host import NODE, Node


def unpack(archive: bytes, folder: Path) -> dict[str, str]:
    """Return the text of each file of an archive of `collect`, by its name."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["tar", "--extract", "--zstd", "--directory", folder], input=archive, check=True)
    (report,) = folder.iterdir()
    assert report.name == "nvidia-installer-report"
    return {path.name: path.read_text() for path in report.iterdir()}


def collect(node: Node, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [str(NODE / "nvidia-installer"), "collect", *arguments]
    env = {**node.env(), "TMPDIR": str(temporary(node))}
    return subprocess.run(command, env=env, capture_output=True, check=False, start_new_session=True, timeout=60)


def temporary(node: Node) -> Path:
    """Return the folder of temporary files of `collect`."""
    folder = node.folder / "tmp"
    folder.mkdir(exist_ok=True)
    return folder


def report(node: Node) -> dict[str, str]:
    """Run `collect`, assert that it succeeds and leaves nothing behind, and return the files of its archive."""
    done = collect(node)
    assert done.returncode == 0, done.stderr.decode()
    assert list(temporary(node).iterdir()) == []
    return unpack(done.stdout, node.folder / "report")
