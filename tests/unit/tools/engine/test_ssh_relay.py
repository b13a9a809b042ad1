import gc
import os
import socket
from pathlib import Path

import pytest

from lifecycle.errors import EXIT_USAGE
from lifecycle.tools.engine.ssh_relay import InvalidSshAddressError, SshRelay, ssh_command


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ssh://far", "-- far docker system dial-stdio"),
        ("ssh://ann@far:2222", "-l ann -p 2222 -- far docker system dial-stdio"),
        ("ssh://far/", "-- far docker system dial-stdio"),
        ("ssh://[::1]", "-- ::1 docker system dial-stdio"),
        ("ssh://far/run/user/1/docker.sock", "-- far docker --host=unix:///run/user/1/docker.sock system dial-stdio"),
        ("ssh://far/a;b", "-- far docker '--host=unix:///a;b' system dial-stdio"),
        ("ssh://-oProxyCommand=x@-far", "-l -oProxyCommand=x -- -far docker system dial-stdio"),
    ],
)
def test_the_ssh_command_is_the_one_that_docker_runs(url: str, words: str) -> None:
    command = " ".join(ssh_command(url))

    assert command.startswith("ssh -o ConnectTimeout=30 -o LogLevel=ERROR -T ")
    assert command.endswith(f" -T {words}")


@pytest.mark.parametrize(
    "url", ["ssh://", "ssh://ann@", "ssh://ann:secret@far", "ssh://far:x", "ssh://far?x", "ssh://far#x"]
)
def test_an_invalid_ssh_address_is_refused_with_one_sentence(url: str) -> None:
    with pytest.raises(InvalidSshAddressError) as caught:
        ssh_command(url)

    assert str(caught.value) == f"engine {url!r}: write ssh://[user@]host[:port][/path/to/docker.sock], and no password"
    assert caught.value.exit_code == EXIT_USAGE


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an `ssh` on the path that returns its input in capitals, writes an error, and ends with its input."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "what a day" >&2\necho "no $8" >&2\nexec tr a-z A-Z\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


def dialogue(relay: SshRelay, said: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(relay.url.removeprefix("unix://"))
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            return answer.read()


@pytest.mark.usefixtures("ssh")
def test_each_connection_starts_its_own_ssh() -> None:
    relay = SshRelay("ssh://far")

    assert [dialogue(relay, said) for said in (b"one", b"other")] == [b"ONE", b"OTHER"]


@pytest.mark.usefixtures("ssh")
def test_the_last_error_of_ssh_is_available() -> None:
    relay = SshRelay("ssh://far")
    before = relay.last_error()
    dialogue(relay, b"")

    assert (before, relay.last_error()) == ("", "no docker")


@pytest.mark.usefixtures("ssh")
def test_only_the_user_can_open_the_socket_which_ends_with_the_relay() -> None:
    relay = SshRelay("ssh://far")
    folder = Path(relay.url.removeprefix("unix://")).parent
    dialogue(relay, b"")

    assert folder.stat().st_mode & 0o777 == 0o700
    del relay
    gc.collect()
    assert not folder.exists()


def test_a_missing_ssh_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="ssh is not installed: install openssh-client"):
        SshRelay("ssh://far")
