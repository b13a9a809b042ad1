"""A store that is down, full, or lets nobody in: it slows a build and stops none."""

from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.remote_session import open_remote_session
from lifecycle.config.store import RemoteCacheConfig
from lifecycle.tools.registry.login import Login
from lifecycle.tools.terminal.progress import Progress
from tests.support.machines.cache_machines import OTHER, TARGET, Machine, Machines
from tests.support.servers.faulty_proxy import faulty_proxy
from tests.support.servers.processes import free_port
from tests.support.servers.registry_server import LOOPBACK, PASSWORD, USER, RegistryServer, registry_server

# Bytes: less than the layer of a result has, and more than the rest.
PART = 100_000


def test_a_store_that_is_down_is_said_once_and_not_waited_for_again(machine: Machines) -> None:
    one = machine(host=f"127.0.0.1:{free_port()}")
    one.make()

    assert one.results.find([TARGET, OTHER]) == set()
    assert not one.results.download(OTHER)
    one.results.upload(TARGET)
    assert len(one.warnings) == 1
    assert one.warnings[0].startswith(
        f"continuing without the remote cache {one.results.place}: the registry 127.0.0.1:"
    )


def test_who_finds_it_down_when_giving_does_not_say_so_again_when_taking(machine: Machines) -> None:
    one = machine(host=f"127.0.0.1:{free_port()}")
    one.make()
    one.results.upload(TARGET)

    assert not one.results.download(OTHER)
    assert len(one.warnings) == 1


def test_a_store_that_lets_nobody_write_is_read_all_the_same(tmp_path: Path) -> None:
    with registry_server(tmp_path / "registry", password=True) as guarded:
        writer = Machine(tmp_path / "a", guarded.host, login=Login(USER, PASSWORD))
        stranger = Machine(tmp_path / "b", guarded.host)
        with closing(writer.registry), closing(stranger.registry):
            writer.make()
            writer.results.upload(TARGET)
            stranger.make(OTHER)
            stranger.results.upload(OTHER)

            assert len(stranger.warnings) == 1
            assert "docker login" in stranger.warnings[0]
            assert (writer.results.find([TARGET, OTHER]), writer.warnings) == ({TARGET.digest}, [])


def test_the_images_password_is_told_to_no_other_registry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"INVOKE_REGISTRY_USERNAME": USER, "INVOKE_REGISTRY_PASSWORD": PASSWORD}
    with registry_server(tmp_path / "registry", password=True) as guarded:
        section, cache = RemoteCacheConfig(registry=guarded.host, repository="x"), Cache(tmp_path / "cache")
        for images, trusted in ((guarded.host, True), ("localhost:5000", False)):
            with open_remote_session(
                section, images=images, cache=cache, environ=environ, progress=Progress()
            ) as sharing:
                assert sharing is not None
                sharing.results.find([TARGET])
            assert ("continuing without the remote cache" not in capsys.readouterr().err) is trusted


def test_a_disk_without_room_to_pack_is_said_and_stops_nothing(machine: Machines) -> None:
    one = machine()
    one.make()
    one.cache.tmp.rmdir()
    one.cache.tmp.write_text("no folder")
    one.results.upload(TARGET)

    assert (len(one.warnings), machine().results.find([TARGET])) == (1, set())
    assert one.warnings[0].startswith(
        f"continuing without the remote cache {one.results.place}: cannot create {one.cache.tmp}: "
    )


class Breaker:
    """Ends the connection at the first upload, when a part of it has come, or all of it and the answer is on its way."""

    def __init__(self) -> None:
        self.broken = 0
        self.bytes = 0

    def sent(self, _: int, chunk: bytes) -> None:
        self.bytes += len(chunk)
        if self.bytes > PART:
            self._end()

    def answered(self, _: int, chunk: bytes) -> None:
        if chunk.startswith(b"HTTP/1.1 201"):
            self._end()

    def _end(self) -> None:
        if not self.broken:
            self.broken += 1
            raise ConnectionAbortedError


@pytest.mark.parametrize("way", ["sent", "answered"])
def test_a_broken_upload_is_repeated_where_the_blob_has_not_arrived(
    way: str, server: RegistryServer, tmp_path: Path
) -> None:
    breaker = Breaker()
    with faulty_proxy(server.port) as proxy:
        one = Machine(tmp_path, f"{LOOPBACK}:{proxy.port}", repository=way)
        with closing(one.registry):
            setattr(proxy, way, getattr(breaker, way))
            one.make()
            one.results.upload(TARGET)

            assert (breaker.broken, one.warnings) == (1, [])
            assert one.results.find([TARGET]) == {TARGET.digest}
