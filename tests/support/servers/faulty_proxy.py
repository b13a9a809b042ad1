"""A TCP proxy on loopback that does to connections what networks do: drops them, cuts answers short, holds them up."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

_CHUNK = 65536
_BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class FaultyProxy:
    """A proxy of a port. Each connection takes the next fault from the script, or none when that is used up.

    A fault is `drop` (closed at once), `busy` (answered with 429 and closed), `cut` (closed after `cut_after` bytes of the answer),
    or `hold` (the answer waits until `release` is set). `sent` is told of a connection's number and the bytes that its client
    sends, `answered` the same of the server's: before they are passed on, so that what they bring about is told after them. Where
    either raises, the connection ends. `rewrite` returns the bytes to send in place of the server's.
    """

    to: int
    port: int = 0
    script: list[str] = field(default_factory=list)
    cut_after: int = 1000
    release: threading.Event = field(default_factory=threading.Event)
    met: list[str] = field(default_factory=list)
    sent: Callable[[int, bytes], None] = lambda *_: None
    answered: Callable[[int, bytes], None] = lambda *_: None
    rewrite: Callable[[bytes], bytes] = bytes

    def serve(self, server: socket.socket) -> None:
        """Accept until the socket is closed."""
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        fault = self.script.pop(0) if self.script else "none"
        number = len(self.met)
        self.met.append(fault)
        with _ended(client), suppress(OSError):
            if fault == "drop":
                return
            if fault == "busy":
                client.recv(_CHUNK)
                client.sendall(_BUSY)
                return
            with _ended(socket.create_connection(("127.0.0.1", self.to))) as server:
                told = {"told": partial(self.sent, number)}
                threading.Thread(target=_pump, args=(client, server), kwargs=told, daemon=True).start()
                if fault == "hold":
                    self.release.wait(60)
                limit = self.cut_after if fault == "cut" else None
                _pump(server, client, told=partial(self.answered, number), limit=limit, rewrite=self.rewrite)


@contextmanager
def _ended(connection: socket.socket) -> Iterator[socket.socket]:
    """End a connection after the block, also while another thread waits for what it brings."""
    with closing(connection):
        yield connection
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _pump(
    source: socket.socket,
    sink: socket.socket,
    *,
    told: Callable[[bytes], None],
    limit: int | None = None,
    rewrite: Callable[[bytes], bytes] = bytes,
) -> None:
    """Pass bytes on until there are no more, or the limit is reached."""
    with suppress(OSError):
        while chunk := source.recv(_CHUNK if limit is None else min(_CHUNK, limit)):
            try:
                told(chunk)
            except BaseException:
                source.shutdown(socket.SHUT_RDWR)
                sink.shutdown(socket.SHUT_RDWR)
                raise
            sink.sendall(rewrite(chunk))
            if limit is not None:
                limit -= len(chunk)
                if limit <= 0:
                    return


@contextmanager
def faulty_proxy(to: int) -> Iterator[FaultyProxy]:
    """Start a proxy to a port of loopback; it ends with the block."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        proxy = FaultyProxy(to=to, port=server.getsockname()[1])
        thread = threading.Thread(target=proxy.serve, args=(server,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy.release.set()
            server.shutdown(socket.SHUT_RDWR)
    thread.join()
