from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.sources.download import (
    CONNECTIONS,
    DownloadError,
    DownloadRequest,
    FileGoneError,
    HashMismatchError,
    download_all,
)
from lifecycle.sources.transfer import ATTEMPTS
from tests.support.servers.file_server import CONTENT, Server, digest, file_server


@pytest.fixture
def server() -> Iterator[Server]:
    with file_server() as running:
        yield running


@dataclass
class Client:
    """A download into an empty store: the bytes it reported and the waits it asked for."""

    cache: Cache
    waits: list[float] = field(default_factory=list)
    advanced: list[int] = field(default_factory=list)

    def get(self, *requests: DownloadRequest) -> None:
        download_all(requests, self.cache, advance=self.advanced.append, wait=self.waits.append)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(Cache(tmp_path))


def kept(client: Client) -> bool:
    return client.cache.has_blob(digest(CONTENT)) and client.cache.blob(digest(CONTENT)).read_bytes() == CONTENT


def test_a_file_arrives_whole_and_is_counted(server: Server, client: Client) -> None:
    client.get(server.request())

    assert kept(client)
    assert sum(client.advanced) == len(CONTENT)
    assert client.waits == []


def test_a_connection_that_is_cut_is_taken_up_where_it_ended(server: Server, client: Client) -> None:
    server.script["/file"] = ["cut", "cut"]
    client.get(server.request())

    assert kept(client)
    assert sum(client.advanced) == len(CONTENT)
    half = len(CONTENT) // 2
    assert server.ranges == [None, f"bytes={half}-", f"bytes={half + half // 2}-"]


def test_a_server_that_cannot_go_on_starts_over(server: Server, client: Client) -> None:
    server.script["/file"] = ["cut", "ignore range"]
    client.get(server.request())

    assert kept(client)
    assert sum(client.advanced) == len(CONTENT)


def test_a_server_that_is_busy_is_asked_again_with_growing_waits(server: Server, client: Client) -> None:
    server.script["/file"] = ["503", "429", "500"]
    client.get(server.request())

    assert kept(client)
    assert client.waits == [0.5, 1.0, 2.0]


def test_a_download_of_an_earlier_run_is_taken_up(server: Server, client: Client) -> None:
    client.cache.part(digest(CONTENT)).write_bytes(CONTENT[:1000])
    client.get(server.request())

    assert kept(client)
    assert server.ranges == ["bytes=1000-"]
    assert sum(client.advanced) == len(CONTENT)


def test_a_download_that_an_earlier_run_ended_with_needs_no_server(client: Client) -> None:
    client.cache.part(digest(CONTENT)).write_bytes(CONTENT)
    client.get(Server(address="http://127.0.0.1:1").request())

    assert kept(client)
    assert sum(client.advanced) == len(CONTENT)


def test_a_download_that_is_longer_than_the_file_starts_over(server: Server, client: Client) -> None:
    client.cache.part(digest(CONTENT)).write_bytes(CONTENT + b"more")
    client.get(server.request())

    assert kept(client)
    assert server.ranges == [None]


def test_a_file_that_is_gone_is_not_asked_for_again(server: Server, client: Client) -> None:
    server.script["/file"] = ["404"]
    with pytest.raises(FileGoneError, match=r"the archive no longer carries f 1 \(Debian/file\)"):
        client.get(server.request())
    assert len(server.ranges) == 1


def test_a_file_that_is_another_is_thrown_away(server: Server, client: Client) -> None:
    server.script["/file"] = ["other"]
    with pytest.raises(HashMismatchError) as caught:
        client.get(server.request())

    assert f"expected sha256 {digest(CONTENT)}\n  obtained sha256 {digest(CONTENT[::-1])}" in str(caught.value)
    assert [path for path in client.cache.root.rglob("*") if path.is_file()] == []


def test_a_server_that_never_answers_ends_with_its_last_words(server: Server, client: Client) -> None:
    server.script["/file"] = ["503"] * ATTEMPTS
    with pytest.raises(DownloadError, match="the server answered 503 Service Unavailable"):
        client.get(server.request())
    assert len(server.ranges) == ATTEMPTS


def test_a_server_that_leads_round_in_circles_is_no_traceback(server: Server, client: Client) -> None:
    server.script["/file"] = ["elsewhere"] * 1000
    with pytest.raises(DownloadError, match="TooManyRedirects"):
        client.get(server.request())


def test_a_redirect_is_followed(server: Server, client: Client) -> None:
    server.script["/file"] = ["elsewhere"]
    client.get(server.request())

    assert kept(client)


@pytest.mark.parametrize("step", ["404", "410"])
def test_a_file_that_is_gone_says_which_and_what_to_do(server: Server, client: Client, step: str) -> None:
    server.script["/file"] = [step]
    request = server.request()
    with pytest.raises(FileGoneError) as caught:
        client.get(request)

    assert caught.value.file == request.file
    assert str(caught.value) == (
        "the archive no longer carries f 1 (Debian/file)\n"
        "If its index still lists the file, the archive is being updated: try again in a few minutes."
    )


def test_a_refusal_is_final(server: Server, client: Client) -> None:
    server.script["/file"] = ["403"]
    with pytest.raises(DownloadError, match="the server answered 403 Forbidden"):
        client.get(server.request())
    assert client.waits == []


def test_a_server_that_is_not_there_is_an_error_that_keeps_what_there_is(client: Client) -> None:
    with pytest.raises(DownloadError, match="ConnectError"):
        client.get(Server(address="http://127.0.0.1:1").request())
    assert len(client.waits) == ATTEMPTS - 1


def test_the_others_arrive_although_one_fails(server: Server, client: Client) -> None:
    server.script["/bad"] = ["404"]
    bad = server.request("/bad", b"something else")
    with pytest.raises(FileGoneError):
        client.get(bad, server.request())
    assert kept(client)


def test_without_a_network_not_every_file_is_tried(client: Client) -> None:
    nowhere = Server(address="http://127.0.0.1:1")
    with pytest.raises(DownloadError, match="ConnectError"):
        client.get(*(nowhere.request(f"/{number}", bytes([number])) for number in range(100)))

    assert len(client.waits) < 3 * CONNECTIONS * (ATTEMPTS - 1)


def test_a_full_disk_is_named(server: Server, client: Client) -> None:
    client.cache.part(digest(CONTENT)).symlink_to("/dev/full")
    with pytest.raises(DownloadError, match="it cannot be written to the cache: No space left on device"):
        client.get(server.request())


def test_a_file_of_a_local_archive_is_copied(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(CONTENT)
    request = Server(address="file://").request(f"{tmp_path}/a%20b")
    client.get(request)

    assert kept(client)
    (tmp_path / "a b").unlink()
    client.cache.blob(digest(CONTENT)).unlink()
    with pytest.raises(FileGoneError):
        client.get(request)
