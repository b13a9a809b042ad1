"""A container of the Docker engine: copy files in, run it, copy files out."""

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

# The process that created a container; an image carries it with an empty value.
LABEL_OWNER = "io.nvidia-installer.owner"


class DockerContainer:
    """A container of the Docker engine (`Container` describes the methods); `raw` is the SDK's object."""

    def __init__(self, raw: Any, sdk_errors: Callable[[str], Any]) -> None:  # noqa: ANN401 - the SDK has no types
        self._raw = raw
        self._refusals = sdk_errors

    def put(
        self,
        files: Mapping[str, bytes | Path],
        *,
        executables: Iterable[str] = (),
        folders: Iterable[str] = (),
        scratch: Path,
    ) -> None:
        """Copy files and empty folders into the container, by their path below its root."""
        archive = scratch / "in.tar"
        with tarfile.open(archive, mode="w") as tar:
            write_members(tar, files, executables=executables)
            for folder in folders:
                tar.addfile(tar_header(folder, mode=0o755, kind=tarfile.DIRTYPE))
        with self._refusals("copy files into a container"), archive.open("rb") as stream:
            self._raw.put_archive("/", stream)
        archive.unlink()

    def run(self, log: Path, *, stdin: bytes | None = None) -> int:
        """Run the container to its end, write its output to `log`, and return its exit code."""
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
        """Save the container's files as an image with a tag and labels."""
        repository, _, tag = reference.rpartition(":")
        # An image inherits the labels of its container, and so do all images and containers that are created from it.
        changes = [f"LABEL {key}={json.dumps(value)}" for key, value in {LABEL_OWNER: "", **labels}.items()]
        with self._refusals(f"make the image {reference}"):
            self._raw.commit(repository, tag, changes=changes)

    @contextmanager
    def get(self, path: str) -> Iterator[IO[bytes]]:
        """Yield a tar stream of a file or folder of the container."""
        with self._refusals(f"copy {path} out of a container"):
            chunks, _ = self._raw.get_archive(path, chunk_size=1 << 20)
            yield io.BufferedReader(_ChunkReader(iter(chunks)), 1 << 20)


def _send(connection: Any, data: bytes) -> None:  # noqa: ANN401 - the SDK has no types
    """Write `data` to a container's standard input and close it.

    The SDK's object is writable only through the socket inside it, which is closed separately. A program that ends without
    reading its input explains itself by its output and exit code, so a broken pipe is no error here.
    """
    raw = getattr(connection, "_sock", connection)
    with closing(raw), closing(connection), suppress(BrokenPipeError, ConnectionResetError):
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)


class _ChunkReader(io.RawIOBase):
    """A readable file, as tarfile needs it, over an iterator of chunks."""

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
    """Remove a container of the SDK; one that is removed already, or being removed, is no error."""
    try:
        raw.remove(force=True, v=True)
    except docker.errors.APIError as error:
        if error.status_code not in (404, 409):
            raise
