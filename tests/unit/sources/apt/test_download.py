import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptRepository
from lifecycle.sources.apt.download import _make_locked_root, download_packages, split
from lifecycle.sources.apt.job import AptJob
from lifecycle.sources.apt.machine import MachineArchives, UndeclaredOriginError
from lifecycle.sources.download import DownloadError, FileGoneError, HashMismatchError
from lifecycle.tools.network.retries import RetryPolicy
from tests.support.servers.file_server import CONTENT, Server, digest, file_server


@pytest.fixture
def server() -> Iterator[Server]:
    with file_server() as running:
        yield running


def locked(server: Server, name: str = "a", content: bytes = CONTENT) -> LockedFile:
    origin = f"{server.address}/pool/{name}+1_1_amd64.deb"
    return LockedFile(name=name, version="1", origin=origin, size=len(content), sha256=digest(content))


def path_of(name: str = "a") -> str:
    return f"/pool/{name}%2b1_1_amd64.deb"


@dataclass
class Client:
    """A client with an empty cache, which records the reported bytes."""

    cache: Cache
    address: str
    advanced: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def repositories(self) -> list[AptRepository]:
        return [AptRepository(uri=self.address, keyring=Path("/none.gpg"), suite="x", components=["main", "contrib"])]

    def get(self, *files: LockedFile) -> None:
        policy = RetryPolicy(wait=self.waits.append)
        download_packages(
            files, self.repositories, MachineArchives(), self.cache, advance=self.advanced.append, policy=policy
        )

    def leftovers(self) -> list[str]:
        return [path.name for path in self.cache.tmp.iterdir()]


@pytest.fixture
def client(tmp_path: Path, server: Server) -> Client:
    return Client(Cache(tmp_path / "cache"), server.address)


def test_a_complete_download_is_kept_and_counted(server: Server, client: Client) -> None:
    client.get(locked(server))

    assert client.cache.blob(digest(CONTENT)).read_bytes() == CONTENT
    assert sum(client.advanced) == len(CONTENT)
    assert client.leftovers() == []


@pytest.mark.parametrize("faults", [["cut"], ["503"], ["429", "502"], ["cut", "504"]])
def test_a_passing_fault_is_overcome(server: Server, client: Client, faults: list[str]) -> None:
    server.script[path_of()] = list(faults)
    client.get(locked(server))

    assert client.cache.has_blob(digest(CONTENT))
    assert sum(client.advanced) == len(CONTENT)
    assert len(client.waits) == len([fault for fault in faults if fault != "cut"])


def test_a_server_that_stays_busy_is_an_error_with_its_answer(server: Server, client: Client) -> None:
    server.script[path_of()] = ["503"] * 20
    with pytest.raises(DownloadError, match="503 Service Unavailable"):
        client.get(locked(server), locked(server, "b"))

    assert len(client.waits) == 3
    assert len(server.ranges) == 5


def test_an_answer_that_is_final_is_not_repeated(server: Server, client: Client) -> None:
    server.script[path_of()] = ["403"] * 20
    with pytest.raises(DownloadError, match="403 Forbidden"):
        client.get(locked(server))

    assert client.waits == []


def test_a_file_that_is_gone_does_not_keep_others_from_the_cache(server: Server, client: Client) -> None:
    server.script[path_of("gone")] = ["404"]
    with pytest.raises(FileGoneError, match="no longer carries gone 1") as caught:
        client.get(locked(server), locked(server, "gone", b"gone"))

    assert caught.value.file.name == "gone"
    assert client.cache.has_blob(digest(CONTENT))
    assert client.leftovers() == []


def test_another_file_is_deleted_and_named(server: Server, client: Client) -> None:
    server.script[path_of()] = ["other"] * 10
    with pytest.raises(HashMismatchError) as caught:
        client.get(locked(server))

    assert f"obtained sha256 {hashlib.sha256(CONTENT[::-1]).hexdigest()}" in str(caught.value)
    assert not client.cache.has_blob(digest(CONTENT))
    assert client.leftovers() == []


def test_a_file_of_another_size_is_deleted_and_named(server: Server, client: Client) -> None:
    longer = locked(server, content=CONTENT + b"x")
    with pytest.raises(HashMismatchError, match=r"is not the file that versions\.lock names"):
        client.get(longer)

    assert client.leftovers() == []


def test_a_refusal_of_the_server_is_told(server: Server, client: Client) -> None:
    server.script[path_of()] = ["403"] * 10
    with pytest.raises(DownloadError, match=r"a 1 could not be downloaded[^$]*403"):
        client.get(locked(server))


def test_a_stopped_download_is_resumed_where_it_ended(server: Server, client: Client, tmp_path: Path) -> None:
    server.script[path_of()] = ["hold"]
    file, root = locked(server), client.cache.tmp / "root"
    entries = {MachineArchives().entry(client.repositories[0], Architecture.AMD64, Trusted="yes"): server.address}
    job = AptJob(root, [file], client.cache, _make_locked_root(root, [file], entries, Architecture.AMD64))
    reported: list[int] = []
    while not sum(reported):
        assert not job.wait(0.05)
        job.report(reported.append)
    job.stop()
    size = client.cache.part(file.sha256).stat().st_size
    client.get(file)

    assert server.ranges == [None, f"bytes={size}-"]
    assert client.cache.blob(file.sha256).read_bytes() == CONTENT


def test_a_file_that_apt_moves_meanwhile_is_counted_later(
    server: Server, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("cache/archives/partial", "state"):
        (tmp_path / folder).mkdir(parents=True)
    job = AptJob(tmp_path, [locked(server)], client.cache, ["--version"])
    reported: list[int] = []
    # The file is there when it is looked for, and elsewhere a moment later.
    with monkeypatch.context() as patched:
        patched.setattr(Path, "exists", lambda _: True)
        job.report(reported.append)
    job.stop()

    assert reported == [0]


def test_a_file_of_no_declared_archive_is_an_error(client: Client) -> None:
    file = LockedFile(name="a", version="1", origin="Elsewhere/pool/a.deb", size=1, sha256="0" * 64)
    with pytest.raises(UndeclaredOriginError, match=r"versions\.lock names Elsewhere/pool/a\.deb"):
        client.get(file)


sizes = st.lists(st.integers(0, 1000), max_size=30)


@given(sizes, st.integers(1, 6))
def test_shares_have_all_files_and_differ_by_one_file_at_most(sizes: list[int], count: int) -> None:
    files = [
        LockedFile(name=str(n), version="1", origin="x", size=size, sha256="0" * 64) for n, size in enumerate(sizes)
    ]
    shares = split(files, count)
    totals = [sum(file.size for file in share) for share in shares]

    assert sorted(file.name for share in shares for file in share) == sorted(file.name for file in files)
    assert len(shares) == min(count, len(files))
    assert not totals or max(totals) - min(totals) <= max(sizes)
