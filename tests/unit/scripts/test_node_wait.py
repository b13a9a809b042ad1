"""`nvidia-installer wait`: until the driver is ready, and then with its daemons until a signal comes."""

import pytest

from tests.support.machines.node_host import NAME, Node
from tests.support.machines.node_processes import running, stop, until, waiting


def test_once_it_ends_when_the_driver_is_ready(node: Node) -> None:
    node.installs()
    done = node.run("wait", "--once")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"nvidia-installer: driver {NAME} is ready\n"


def test_it_waits_for_an_installation_that_comes_later(node: Node) -> None:
    with running(node, "wait", "--once") as process:
        node.installs()
        assert process.wait(timeout=30) == 0


def test_it_gives_up_after_the_time_that_it_was_given(node: Node) -> None:
    done = node.run("wait", "--timeout", "0001")
    assert done.returncode == 31
    assert done.stderr.endswith(": the driver is not ready after 1 seconds (installed: none, loaded: none)\n")


@pytest.mark.parametrize("arguments", [["--timeout"], ["--timeout", "soon"], ["--now"]])
def test_wrong_arguments_are_a_usage_error(node: Node, arguments: list[str]) -> None:
    assert node.run("wait", *arguments).returncode == 2


def test_a_signal_ends_the_waiting(node: Node) -> None:
    with running(node, "wait") as process:
        assert process.stderr
        assert process.stderr.readline() == "nvidia-installer: waiting for the driver to become ready\n"
        stop(process)


def test_a_signal_ends_it_at_once_however_long_it_sleeps(node: Node) -> None:
    node.installs()
    node.environment["POLL_SECONDS"] = "60"
    with running(node, "wait") as process:
        assert process.stderr
        assert process.stderr.readline() == f"nvidia-installer: driver {NAME} is ready\n"
        stop(process)


def test_a_driver_that_nobody_wants_any_more_ends_it(node: Node) -> None:
    node.installs()
    with waiting(node) as process:
        (node.host / "run/nvidia/nvidia-installer.wanted").unlink()
        (node.sysfs / "module/nvidia").rename(node.folder / "gone")
        said = process.communicate(timeout=30)[1]
    assert (process.returncode, said) == (32, "nvidia-installer: the driver is no longer loaded; install it again\n")


def test_an_uninstall_beside_it_is_let_end_first(node: Node) -> None:
    node.installs()
    hold = node.folder / "hold"
    hold.touch()
    node.stub("rmdir", f'while [ -e {hold} ]; do sleep 0.02; done; exec rmdir "$@"')
    node.stub("flock", 'exec flock "$@"')
    with running(node, "wait") as process, running(node, "uninstall") as uninstall:
        # Whoever is at work takes the lock at once or not at all; who lets others end waits for it.
        until(lambda: any("--nonblock" not in call for call in node.calls("flock")))
        assert (process.poll(), uninstall.poll()) == (None, None)
        hold.unlink()
        assert uninstall.wait(timeout=30) == 0
        assert process.wait(timeout=30) == 32
