"""Tests of the times in METRICS_FILE and FEATURES_FILE, and of durations on a node whose clock is set."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.machines.node_host import Node
from tests.support.machines.node_processes import running, stop, until
from tests.support.machines.node_report import FEATURES, METRICS, metrics, on, timestamp


def expiry(node: Node) -> datetime:
    first = on(node, FEATURES).read_text().splitlines()[0]
    return datetime.strptime(first, "# +expiry-time=%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def set_uptime(node: Node, seconds: int) -> None:
    new = node.proc / "uptime.new"
    new.write_text(f"{seconds}.25 4711.00\n")
    new.replace(node.proc / "uptime")


def looks(node: Node, number: int) -> None:
    """Wait until a running `wait` has looked this many times more."""
    node.stub("sleep", 'exec sleep "$@"')
    before = len(node.calls("sleep"))
    until(lambda: len(node.calls("sleep")) >= before + number)


def test_the_metrics_have_the_time_of_the_report(reporting: Node) -> None:
    before = int(time.time())
    reporting.installs()
    assert before <= timestamp(reporting) <= time.time()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_the_features_expire_after_ten_minutes_in_utc(reporting: Node, zone: str) -> None:
    reporting.environment["TZ"] = zone
    reporting.installs("--no-load")
    left = expiry(reporting) - datetime.now(UTC)
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)


def test_a_second_installation_refreshes_the_times(reporting: Node) -> None:
    reporting.installs()
    make_old(reporting)
    reporting.installs()
    assert time.time() - timestamp(reporting) < 60
    assert expiry(reporting) > datetime.now(UTC)


def make_old(node: Node) -> None:
    """Set the times of the reports to the past, as after a reboot."""
    for path, old, new in (
        (METRICS, f" {timestamp(node)}\n", " 1000000000\n"),
        (FEATURES, f"{expiry(node):%Y-%m-%dT%H:%M:%SZ}", "2001-09-09T01:46:40Z"),
    ):
        text = on(node, path).read_text()
        assert text.count(old) == 1
        on(node, path).write_text(text.replace(old, new))


@pytest.mark.parametrize(("uptime", "is_refreshed"), [(1059, False), (1060, True), (5, True)])
def test_wait_refreshes_the_times_after_a_minute_of_uptime(reporting: Node, uptime: int, is_refreshed: bool) -> None:
    set_uptime(reporting, 1000)
    reporting.installs()
    with running(reporting, "wait") as process:
        looks(reporting, 2)
        make_old(reporting)
        set_uptime(reporting, uptime)
        looks(reporting, 3)
        assert (timestamp(reporting) != 1000000000) == is_refreshed
        assert (expiry(reporting) > datetime.now(UTC)) == is_refreshed
        stop(process)


def test_the_duration_of_an_installation_follows_the_uptime(reporting: Node) -> None:
    set_uptime(reporting, 1000)
    reporting.stub("depmod", f'echo "1042.99 1" >{reporting.proc}/uptime; exec depmod "$@"')
    reporting.installs()
    assert metrics(reporting)["install_seconds"] == 42


def jump(node: Node) -> None:
    set_uptime(node, 1000)
    node.stub("sleep", f"echo '1300.00 1' >{node.proc}/uptime")


@pytest.mark.parametrize("prepare", [jump, lambda node: None])
def test_the_timeout_of_wait_follows_the_uptime(node: Node, prepare: Callable[[Node], None]) -> None:
    """Check a jump of the uptime past the timeout, and a node without an uptime."""
    prepare(node)
    done = node.run("wait", "--timeout", "300" if (node.proc / "uptime").exists() else "1")
    assert done.returncode == 31
