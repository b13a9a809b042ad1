"""One container of the SDK's while it is there: files in, run, files out."""

import io
import json
import socket
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import docker.errors

from lifecycle.errors import writing
from lifecycle.tools.archive import tar_header, write_members

# Which process a container is of; empty, nobody's.
LABEL_OWNER = "io.nvidia-installer.owner"


class DockerContainer:
    """A container of the Docker engine (`Container` describes the methods); `raw` is the SDK's object."""

    def __init__(self, raw: Any, refusals: Callable[[str], Any]) -> None:  # noqa: ANN401 - the SDK has no types
        self._raw = raw
        self._refusals = refusals

    def put(
        self,
        files: Mapping[str, bytes | Path],
        *,
        executables: Iterable[str] = (),
        folders: Iterable[str] = (),
        scratch: Path,
    ) -> None:
        """Put files, by their path below the container's root, and empty folders there; their tar is made in `scratch`."""
        archive = scratch / "in.tar"
        with tarfile.open(archive, mode="w") as tar:
            write_members(tar, files, executables=executables)
            for folder in folders:
                tar.addfile(tar_header(folder, mode=0o755, kind=tarfile.DIRTYPE))
        with self._refusals("copy files into a container"), archive.open("rb") as stream:
            self._raw.put_archive("/", stream)
        archive.unlink()

    def run(self, log: Path, *, stdin: bytes | None = None) -> int:
        """Start it, write what it prints to `log`, and return its exit code.

        `stdin` is its standard input, which the engine keeps nowhere; it has to have been made with one.
        """
        with self._refusals("run a container"), writing(log), log.open("wb") as out:
            connection = None if stdin is None else self._raw.attach_socket(params={"stdin": 1, "stream": 1})
            self._raw.start()
            if connection is not None:
                _send(connection, stdin or b"")
            for chunk in self._raw.logs(stream=True, follow=True):
                out.write(chunk)
                out.flush()
            return int(self._raw.wait()["StatusCode"])

    def commit(self, reference: str, labels: Mapping[str, str]) -> None:
        """Make what it holds now an image of that name (`docker commit`)."""
        repository, _, tag = reference.rpartition(":")
        # An image has the labels of its container, and gives them to all that are made of it, somebody else's too.
        changes = [f"LABEL {key}={json.dumps(value)}" for key, value in {LABEL_OWNER: "", **labels}.items()]
        with self._refusals(f"make the image {reference}"):
            self._raw.commit(repository, tag, changes=changes)

    @contextmanager
    def get(self, path: str) -> Iterator[IO[bytes]]:
        """A tar stream of a folder of the container, its own name as the first part of each path."""
        with self._refusals(f"copy {path} out of a container"):
            chunks, _ = self._raw.get_archive(path, chunk_size=1 << 20)
            yield io.BufferedReader(_ChunkReader(iter(chunks)), 1 << 20)


def _send(connection: Any, data: bytes) -> None:  # noqa: ANN401 - the SDK has no types
    """Write all of it and say that there is no more.

    The SDK's object can be written to only through the socket in it, which has to be closed on its own. A program that ends
    without reading its input says why by its own words and exit code.
    """
    raw = getattr(connection, "_sock", connection)
    with closing(raw), closing(connection), suppress(BrokenPipeError, ConnectionResetError):
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)


class _ChunkReader(io.RawIOBase):
    """The file that tarfile wants, over an iterator of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any writable buffer, as in io.RawIOBase
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def remove(raw: Any) -> None:  # noqa: ANN401 - the SDK has no types
    """Remove a container of the SDK; one that is gone, or going, is fine."""
    try:
        raw.remove(force=True, v=True)
    except docker.errors.APIError as error:
        if error.status_code not in (404, 409):
            raise
