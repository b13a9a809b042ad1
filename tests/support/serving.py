"""A server of the standard library that runs beside a test."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Seconds after which a server notices that it is to end; half a second is the standard library's.
_POLL = 0.05


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Run a server in a thread, and close it at the end of the block."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
