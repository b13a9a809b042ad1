"""A file as the body of a request."""

from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx

_CHUNK = 1 << 16


class FileContent(httpx.SyncByteStream):
    """A body that is read from a file each time it is sent. `headers` go with the request, and the extension REPEATABLE may."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.headers = {"Content-Length": str(path.stat().st_size)}

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
