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
    """A client with an empty cache, which records the reported bytes and the requested waits."""

    cache: Cache
    waits: list[float] = field(default_factory=list)
    advanced: list[int] = field(default_factory=list)

    def get(self, *requests: DownloadRequest) -> None:
        download_all(requests, self.cache, advance=self.advanced.append, wait=self.waits.append)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(Cache(tmp_path))


def is_cached(client: Client) -> bool:
    return client.cache.has_blob(digest(CONTENT)) and client.cache.blob(digest(CONTENT)).read_bytes() == CONTENT


def test_a_complete_download_is_kept_and_counted(server: Server, client: Client) -> None:
    client.get(server.request())

    assert is_cached(client)
    assert sum(client.advanced) == len(CONTENT)
    assert client.waits == []


def test_a_broken_connection_resumes_where_it_ended(server: Server, client: Client) -> None:
    server.script["/file"] = ["cut", "cut"]
    client.get(server.request())

    assert is_cached(client)
    assert sum(client.advanced) == len(CONTENT)
    half = len(CONTENT) // 2
    assert server.ranges == [None, f"bytes={half}-", f"bytes={half + half // 2}-"]


def test_a_download_restarts_if_the_server_ignores_ranges(server: Server, client: Client) -> None:
    server.script["/file"] = ["cut", "ignore range"]
    client.get(server.request())

    assert is_cached(client)
    assert sum(client.advanced) == len(CONTENT)


def test_a_busy_server_is_retried_with_growing_waits(server: Server, client: Client) -> None:
    server.script["/file"] = ["503", "429", "500"]
    client.get(server.request())

    assert is_cached(client)
    assert len(client.waits) == 3
    assert client.waits == sorted(client.waits)


def test_a_server_that_says_when_to_come_back_is_waited_for(server: Server, client: Client) -> None:
    server.script["/file"] = ["429 7", "503 9"]
    client.get(server.request())

    assert is_cached(client)
    assert client.waits == [7, 9]


def test_a_server_that_says_to_come_back_tomorrow_is_an_error(server: Server, client: Client) -> None:
    server.script["/file"] = ["429 86400"]
    with pytest.raises(DownloadError, match="429 Too Many Requests, to be tried again in 86400 s"):
        client.get(server.request())
    assert client.waits == []


def test_the_partial_download_of_an_earlier_run_is_resumed(server: Server, client: Client) -> None:
    client.cache.part(digest(CONTENT)).write_bytes(CONTENT[:1000])
    client.get(server.request())

    assert is_cached(client)
    assert server.ranges == ["bytes=1000-"]
    assert sum(client.advanced) == len(CONTENT)


def test_the_complete_download_of_an_earlier_run_needs_no_server(client: Client) -> None:
    client.cache.part(digest(CONTENT)).write_bytes(CONTENT)
    client.get(Server(address="http://127.0.0.1:1").request())

    assert is_cached(client)
    assert sum(client.advanced) == len(CONTENT)


def test_a_partial_download_that_is_too_long_is_restarted(server: Server, client: Client) -> None:
    client.cache.part(digest(CONTENT)).write_bytes(CONTENT + b"more")
    client.get(server.request())

    assert is_cached(client)
    assert server.ranges == [None]


def test_a_missing_file_is_not_retried(server: Server, client: Client) -> None:
    server.script["/file"] = ["404"]
    with pytest.raises(FileGoneError, match=r"the archive no longer carries f 1 \(Debian/file\)"):
        client.get(server.request())
    assert len(server.ranges) == 1


def test_a_file_with_another_hash_is_deleted(server: Server, client: Client) -> None:
    server.script["/file"] = ["other"]
    with pytest.raises(HashMismatchError) as caught:
        client.get(server.request())

    assert f"expected sha256 {digest(CONTENT)}\n  obtained sha256 {digest(CONTENT[::-1])}" in str(caught.value)
    assert [path for path in client.cache.root.rglob("*") if path.is_file()] == []


def test_the_last_answer_of_a_busy_server_is_in_the_error(server: Server, client: Client) -> None:
    server.script["/file"] = ["503"] * ATTEMPTS
    with pytest.raises(DownloadError, match="the server answered 503 Service Unavailable"):
        client.get(server.request())
    assert len(server.ranges) == ATTEMPTS


def test_endless_redirects_are_an_error(server: Server, client: Client) -> None:
    server.script["/file"] = ["elsewhere"] * 1000
    with pytest.raises(DownloadError, match="TooManyRedirects"):
        client.get(server.request())


def test_a_redirect_is_followed(server: Server, client: Client) -> None:
    server.script["/file"] = ["elsewhere"]
    client.get(server.request())

    assert is_cached(client)


@pytest.mark.parametrize("step", ["404", "410"])
def test_the_error_for_a_missing_file_names_it_and_the_remedy(server: Server, client: Client, step: str) -> None:
    server.script["/file"] = [step]
    request = server.request()
    with pytest.raises(FileGoneError) as caught:
        client.get(request)

    assert caught.value.file == request.file
    assert str(caught.value) == (
        "the archive no longer carries f 1 (Debian/file)\n"
        "If its index still lists the file, the archive is being updated: try again in a few minutes."
    )


def test_a_forbidden_file_is_not_retried(server: Server, client: Client) -> None:
    server.script["/file"] = ["403"]
    with pytest.raises(DownloadError, match="the server answered 403 Forbidden"):
        client.get(server.request())
    assert client.waits == []


def test_an_unreachable_server_is_an_error_after_all_attempts(client: Client) -> None:
    with pytest.raises(DownloadError, match="ConnectError"):
        client.get(Server(address="http://127.0.0.1:1").request())
    assert len(client.waits) == ATTEMPTS - 1


def test_other_files_are_downloaded_although_one_is_missing(server: Server, client: Client) -> None:
    server.script["/bad"] = ["404"]
    bad = server.request("/bad", b"something else")
    with pytest.raises(FileGoneError):
        client.get(bad, server.request())
    assert is_cached(client)


def test_without_a_network_not_every_file_is_tried(client: Client) -> None:
    nowhere = Server(address="http://127.0.0.1:1")
    with pytest.raises(DownloadError, match="ConnectError"):
        client.get(*(nowhere.request(f"/{number}", bytes([number])) for number in range(100)))

    assert len(client.waits) < 3 * CONNECTIONS * (ATTEMPTS - 1)


def test_a_full_disk_is_named_in_the_error(server: Server, client: Client) -> None:
    client.cache.part(digest(CONTENT)).symlink_to("/dev/full")
    with pytest.raises(DownloadError, match="it cannot be written to the cache: No space left on device"):
        client.get(server.request())


def test_a_file_of_a_local_archive_is_copied(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a b").write_bytes(CONTENT)
    request = Server(address="file://").request(f"{tmp_path}/a%20b")
    client.get(request)

    assert is_cached(client)
    (tmp_path / "a b").unlink()
    client.cache.blob(digest(CONTENT)).unlink()
    with pytest.raises(FileGoneError):
        client.get(request)


def test_a_local_file_that_cannot_be_read_is_named_as_such(client: Client, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"could not be downloaded[^$]*it cannot be read: Is a directory"):
        client.get(Server(address="file://").request(str(tmp_path)))
