"""Tests of text from elsewhere: no control character of it reaches the log or the output of `status`."""

import pytest

from tests.support.machines.node_host import DRIVER, Node

COMMANDS = [
    (b"\x1b[31mroot\x07", "?[31mroot?"),
    (b"caf\xc3\xa9 \xe2\x82\xac", "café_€"),
    (b"\xf0\x9f\x98\x80", "😀"),
    (b"a\x9b31mb", "a?31mb"),
    (b"a\xc2\x9b31mb\xc3\xa9", "a??31mb??"),
    (b"\xe2\x82", "??"),
    (b"\x7f\x01", "??"),
]


@pytest.fixture
def used(node: Node) -> Node:
    """Return a node whose loaded driver is used by process 41."""
    node.pretend_loaded(DRIVER)
    node.add_process(41, "python", "/dev/nvidia0")
    return node


@pytest.mark.parametrize(("command", "shown"), COMMANDS)
def test_the_log_shows_a_process_without_what_a_terminal_obeys(used: Node, command: bytes, shown: str) -> None:
    (used.proc / "41/comm").write_bytes(command + b"\n")
    done = used.run("install")

    assert done.returncode == 21
    assert f"in use by process 41 ({shown}); " in done.stderr


@pytest.mark.parametrize(("command", "shown"), COMMANDS)
def test_status_shows_a_process_without_what_a_terminal_obeys(used: Node, command: bytes, shown: str) -> None:
    (used.proc / "41/comm").write_bytes(command + b"\n")

    assert f"\nused by: process 41 ({shown})\n" in used.run("status").stdout


def test_the_log_shows_the_kernels_words_without_escapes(node: Node) -> None:
    node.environment["REFUSED"] = "nvidia"
    node.stub("dmesg", r"printf '[ 1.0] nvidia:\ttaints \033]0;title\007kernel\r\n'")
    done = node.run("install")

    assert "nvidia-installer: | [ 1.0] nvidia: taints ?]0;title?kernel\n" in done.stderr


def test_the_log_shows_a_wrong_file_without_escapes(node: Node) -> None:
    (node.folder / "drivers").mkdir()
    (node.folder / "drivers/nvidia.conf").write_text("\x1b[2J\n")

    assert "'?[2J' is not name=value" in node.run("install").stderr


def test_each_message_is_one_line_with_the_prefix(node: Node) -> None:
    node.environment.update(REFUSED="nvidia-drm", REASON="Invalid argument\nmodprobe: see dmesg")

    assert (
        "nvidia-drm, which is optional: modprobe: ERROR: could not insert 'nvidia-drm': Invalid argument; modprobe"
        in (node.installs())
    )
