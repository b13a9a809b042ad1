"""Registries that die, stay away, or have no room: the push goes on, or says so in the registry's own words."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from lifecycle.publish.push import ATTEMPTS, PushDecision, PushFailedError
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.manifest import Manifest
from tests.support.builders.push_session import COMBINATION, REPOSITORY, PushSession, checkout_for, names_at, push
from tests.support.servers.faulty_proxy import faulty_proxy
from tests.support.servers.registry_server import LOOPBACK, RegistryServer, registry_server

MB = 1_000_000
# An index of no images.
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
INDEX = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).encode()
# Less than an image has, and more.
SMALL, LARGE = "20m", "1g"


def test_a_registry_that_dies_is_asked_again_and_the_push_goes_on(session: PushSession, server: RegistryServer) -> None:
    image = session.made()
    candidate = session.candidate(image)
    server.process.stop()

    def wait(seconds: float) -> None:
        session.waits.append(seconds)
        server.restart()

    pusher = replace(session.pusher, wait=wait)
    pushed = pusher.publish(candidate, PushDecision.PUSH, [COMBINATION])

    assert len(session.waits) == 1
    assert session.there(pushed.tag).id == image.id


def test_a_registry_that_stays_away_is_an_error_that_says_so(session: PushSession, server: RegistryServer) -> None:
    image = session.made()
    candidate = session.candidate(image)
    server.process.stop()
    with pytest.raises(PushFailedError, match="connection refused") as caught:
        session.pusher.publish(candidate, PushDecision.PUSH, [COMBINATION])

    assert len(session.waits) == ATTEMPTS - 1
    assert f"No registry answers at {server.host}: start it" in str(caught.value)


def test_a_busy_registry_is_waited_for_as_it_asks(server: RegistryServer, tmp_path: Path) -> None:
    waits: list[float] = []
    with faulty_proxy(server.port) as proxy, closing(registry_at(proxy.port, waits)) as registry:
        proxy.script = ["busy"] * 3
        registry.put_manifest(REPOSITORY, "a", Manifest(content=INDEX, media_type=INDEX_TYPE))

        assert proxy.met == ["busy"] * 3 + ["none"]
        assert all(1 <= seconds < 8 for seconds in waits)
        assert server.tags() == ["a"]


# The engine opens several connections for one push or pull; each attempt of ours ends at the first refusal.
BUSY = ["none", "none", *["busy"] * 5]


def test_a_busy_registry_is_waited_for_by_a_push_of_the_engine(server: RegistryServer, tmp_path: Path) -> None:
    with (
        faulty_proxy(server.port) as proxy,
        closing(PushSession(server, tmp_path, host=f"{LOOPBACK}:{proxy.port}")) as session,
    ):
        image = session.made()
        candidate = session.candidate(image)
        proxy.script = list(BUSY)
        pushed = session.pusher.publish(candidate, PushDecision.PUSH, [COMBINATION])

        assert proxy.met.count("busy") == 5
        assert session.waits
        assert session.there(pushed.tag).id == image.id


def test_a_busy_registry_is_waited_for_by_a_pull_of_the_engine(server: RegistryServer, tmp_path: Path) -> None:
    with (
        faulty_proxy(server.port) as proxy,
        closing(PushSession(server, tmp_path, host=f"{LOOPBACK}:{proxy.port}")) as session,
    ):
        image = session.made()
        pushed = session.pusher.publish(session.candidate(image), PushDecision.PUSH, [COMBINATION])
        session.engine.client.api.remove_image(image.id, force=True)
        proxy.script = list(BUSY)

        assert session.engine.pull(f"{session.names[0].rpartition(':')[0]}:{pushed.tag}", "amd64").id == image.id
        assert proxy.met.count("busy") == 5


def registry_at(port: int, waits: list[float]) -> Registry:
    return Registry(f"{LOOPBACK}:{port}", None, wait=waits.append)


class Killer:
    """Kills a registry, and starts it again, while a layer of megabytes is on its way and a smaller one has arrived."""

    def __init__(self, server: RegistryServer) -> None:
        self.server = server
        self.stored = False
        self.arrived = threading.Event()
        self.bytes: Counter[int] = Counter()
        self.kills = 0
        self.first = threading.Lock()

    def sent(self, connection: int, chunk: bytes) -> None:
        self.bytes[connection] += len(chunk)
        if self.bytes[connection] > MB and self.first.acquire(blocking=False):
            self.kills += 1
            assert self.arrived.wait(60)
            self.server.kill()
            self.server.restart()

    def answered(self, _: int, chunk: bytes) -> None:
        # The engine asks for a layer that it has sent before it counts it as sent.
        if self.stored and chunk.startswith(b"HTTP/1.1 200"):
            self.arrived.set()
        self.stored |= chunk.startswith(b"HTTP/1.1 201")


def test_a_registry_killed_within_a_layer_gets_only_that_layer_again(server: RegistryServer, tmp_path: Path) -> None:
    killer = Killer(server)
    with (
        faulty_proxy(server.port) as proxy,
        closing(PushSession(server, tmp_path, host=f"{LOOPBACK}:{proxy.port}")) as session,
    ):
        image = session.made(more=os.urandom(20 * MB))
        candidate = session.candidate(image)
        proxy.sent, proxy.answered = killer.sent, killer.answered
        pushed = session.pusher.publish(candidate, PushDecision.PUSH, [COMBINATION])

        stored = [found for path in server.requests("PUT", 201) if (found := re.search(r"digest=sha256%3A(\w+)", path))]
        # Two layers and the image's configuration.
        assert (killer.kills, len(stored)) == (1, 3)
        assert {*Counter(found[1] for found in stored).values()} == {1}
        assert len(server.requests("PATCH", 202)) == 3
        assert session.there(pushed.tag).id == image.id
        assert session.there(pushed.tag).size > 20 * MB


def mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk that is smaller than an image and unmount it at the end."""
    folder = tmp_path / "full" / "data"
    folder.mkdir(parents=True)
    mount("-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_registry_disk_is_quoted_and_with_room_the_push_succeeds(
    disk: Path, engine: docker.DockerClient, tmp_path: Path
) -> None:
    with (
        registry_server(disk.parent) as server,
        checkout_for(server.host, tmp_path / "checkout", engine, size=30 * MB) as folder,
    ):
        failed = push(folder, "--untested")
        tags, written = server.tags(), (folder / "build/published.json").exists()
        mount("-o", f"remount,size={LARGE}", str(disk))
        pushed = push(folder, "--untested")

        assert failed.returncode == 1
        assert (
            "could not be pushed\n  received unexpected HTTP status: 500 Internal Server Error: 500 " in failed.stderr
        )
        assert '"Op": "write"' in failed.stderr
        assert f"The disk of {server.host} is full: free some space there, and run the command again." in failed.stderr
        assert "Traceback" not in failed.stderr
        assert (tags, written) == ([], False)
        assert pushed.returncode == 0, pushed.stderr
        assert len(server.tags()) == 1


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_push_that_is_ended_within_a_layer_is_completed_later(
    server: RegistryServer, engine: docker.DockerClient, tmp_path: Path, end: signal.Signals
) -> None:
    sending = threading.Event()
    with faulty_proxy(server.port) as proxy, checkout_for(f"{LOOPBACK}:{proxy.port}", tmp_path / "c", engine) as folder:
        names = names_at(engine, f"{LOOPBACK}:{proxy.port}")

        def hold_the_layer(_: int, chunk: bytes) -> None:
            if chunk.startswith(b"PATCH"):
                sending.set()
                proxy.release.wait(60)

        proxy.sent = hold_the_layer
        nothing = str(folder.with_name("nothing"))
        command = [
            sys.executable,
            "-m",
            "invoke",
            "push",
            "--untested",
            "--only",
            COMBINATION.id,
            "--cache-dir",
            nothing,
        ]
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
            assert sending.wait(60)
            process.send_signal(end)
            _, said = process.communicate(timeout=60)
        tags = server.tags()
        proxy.sent = lambda *_: None
        proxy.release.set()
        again = push(folder, "--untested")

        assert process.returncode == (-end if end is signal.SIGKILL else 130), said
        assert "Traceback" not in said
        assert tags == []
        assert again.returncode == 0, again.stderr
        assert len(server.tags()) == 1
        assert names_at(engine, f"{LOOPBACK}:{proxy.port}") == names
