import io
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.tools.container import _ChunkReader


@given(st.lists(st.binary(min_size=1, max_size=20)), st.integers(1, 50))
def test_however_the_bytes_come_the_same_file_is_read(chunks: list[bytes], size: int) -> None:
    def parts() -> Iterator[bytes]:
        reader = io.BufferedReader(_ChunkReader(iter(chunks)), 16)
        while data := reader.read(size):
            yield data

    assert b"".join(parts()) == b"".join(chunks)
