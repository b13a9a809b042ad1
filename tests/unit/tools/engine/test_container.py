import io
import socket
import tarfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import docker.errors
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.tools.archive import extract_safely, tar_bytes
from lifecycle.tools.engine.container import DockerContainer, _ChunkReader, remove


@given(st.lists(st.binary(min_size=1, max_size=20)), st.integers(1, 50))
def test_chunks_of_any_size_give_the_same_file(chunks: list[bytes], size: int) -> None:
    def parts() -> Iterator[bytes]:
        reader = io.BufferedReader(_ChunkReader(iter(chunks)), 16)
        while data := reader.read(size):
            yield data

    assert b"".join(parts()) == b"".join(chunks)


@dataclass
class Raw:
    """A container of the SDK, with its output, exit code, files, and the calls that it received."""

    prints: list[bytes] = field(default_factory=list)
    code: int = 0
    holds: bytes = b""
    refusal: int | None = None
    asked: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.asked.append("start")

    def logs(self, *, stream: bool, follow: bool) -> Iterator[bytes]:
        assert (stream, follow) == (True, True)
        return iter(self.prints)

    def wait(self) -> dict[str, int]:
        self.asked.append("wait")
        return {"StatusCode": self.code}

    def get_archive(self, path: str, *, chunk_size: int) -> tuple[Iterator[bytes], dict[str, str]]:
        return iter([self.holds[:700], b"", self.holds[700:]]), {"name": path}

    def remove(self, *, force: bool, v: bool) -> None:
        self.asked.append(f"remove force={force} volumes={v}")
        if self.refusal:
            response = requests.Response()
            response.status_code = self.refusal
            raise docker.errors.APIError("no", response=response)


def test_the_log_has_the_output_and_run_returns_the_exit_code(tmp_path: Path) -> None:
    raw = Raw(prints=[b"  CC a.o\n", b"half a li", b"ne \xff\n"], code=7)

    assert DockerContainer(raw, lambda _: nullcontext()).run(tmp_path / "log") == 7
    assert (tmp_path / "log").read_bytes() == b"  CC a.o\nhalf a line \xff\n"
    assert raw.asked == ["start", "wait"]


def test_a_folder_of_a_container_is_unpacked_from_the_stream(tmp_path: Path) -> None:
    raw = Raw(holds=tar_bytes({"out/open/nvidia.ko": b"module"}))
    with DockerContainer(raw, lambda _: nullcontext()).get("/out") as stream:
        extract_safely(stream, tmp_path, archive="the container's")

    assert (tmp_path / "out/open/nvidia.ko").read_bytes() == b"module"


def test_a_truncated_stream_is_not_an_archive(tmp_path: Path) -> None:
    raw = Raw(holds=tar_bytes({"out/open/nvidia.ko": b"m" * 5000})[:3000])
    with pytest.raises(tarfile.ReadError), DockerContainer(raw, lambda _: nullcontext()).get("/out") as stream:
        extract_safely(stream, tmp_path, archive="the container's")


@pytest.mark.parametrize("refusal", [None, 404, 409])
def test_a_container_is_removed_with_its_volumes_even_a_second_time(refusal: int | None) -> None:
    raw = Raw(refusal=refusal)
    remove(raw)

    assert raw.asked == ["remove force=True volumes=True"]


def test_a_container_that_cannot_be_removed_is_an_error() -> None:
    with pytest.raises(docker.errors.APIError):
        remove(Raw(refusal=500))


@dataclass
class Attached(Raw):
    """A container with a standard input; `reader` is the other end of it."""

    def __post_init__(self) -> None:
        self.reader, self.writer = socket.socketpair()

    def attach_socket(self, *, params: dict[str, int]) -> socket.SocketIO:
        assert params == {"stdin": 1, "stream": 1}
        self.asked.append("attach")
        return socket.SocketIO(self.writer, "rw")


def test_standard_input_is_attached_before_the_start_written_and_closed(tmp_path: Path) -> None:
    raw = Attached(prints=[b"read it\n"])
    with raw.reader, raw.writer:
        assert DockerContainer(raw, lambda _: nullcontext()).run(tmp_path / "log", stdin=b"secret\n") == 0
        assert raw.reader.makefile("rb").read() == b"secret\n"

    assert raw.asked == ["attach", "start", "wait"]
    assert (tmp_path / "log").read_bytes() == b"read it\n"


def test_a_program_that_does_not_read_its_input_still_has_an_exit_code(tmp_path: Path) -> None:
    raw = Attached(code=3)
    raw.reader.close()
    with raw.writer:
        assert DockerContainer(raw, lambda _: nullcontext()).run(tmp_path / "log", stdin=b"secret\n") == 3
