"""Tests of the times in METRICS_FILE and FEATURES_FILE, and of durations on a node whose clock is set."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.machines.node_host import Node
from tests.support.machines.node_processes import running, stop, two_polls_later, waiting
from tests.support.machines.node_report import FEATURES, METRICS, metrics, on, timestamp


def expiry(node: Node) -> datetime:
    first = on(node, FEATURES).read_text().splitlines()[0]
    return datetime.strptime(first, "# +expiry-time=%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def set_uptime(node: Node, seconds: int) -> None:
    new = node.proc / "uptime.new"
    new.write_text(f"{seconds}.25 4711.00\n")
    new.replace(node.proc / "uptime")


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
        # `wait` reads the files meanwhile.
        (node.folder / "next").write_text(text.replace(old, new))
        (node.folder / "next").rename(on(node, path))


@pytest.mark.parametrize(("uptime", "is_refreshed"), [(1059, False), (1060, True), (5, True)])
def test_wait_refreshes_the_times_after_a_minute_of_uptime(reporting: Node, uptime: int, is_refreshed: bool) -> None:
    set_uptime(reporting, 1000)
    reporting.installs()
    with waiting(reporting) as process:
        two_polls_later(process)
        make_old(reporting)
        set_uptime(reporting, uptime)
        two_polls_later(process)
        assert (timestamp(reporting) != 1000000000) == is_refreshed
        assert (expiry(reporting) > datetime.now(UTC)) == is_refreshed
        stop(process)


def test_the_duration_of_an_installation_follows_the_uptime(reporting: Node) -> None:
    set_uptime(reporting, 1000)
    reporting.stub("depmod", f'echo "1042.99 1" >{reporting.proc}/uptime; exec depmod "$@"')
    reporting.installs()
    assert metrics(reporting)["install_seconds"] == 42


def test_the_timeout_of_wait_follows_the_uptime(node: Node) -> None:
    set_uptime(node, 1000)
    with running(node, "wait", "--timeout", "300") as process:
        assert process.stderr
        process.stderr.readline()
        set_uptime(node, 1300)
        assert process.wait(timeout=30) == 31


def test_a_node_without_an_uptime_has_a_timeout_too(node: Node) -> None:
    assert node.run("wait", "--timeout", "1").returncode == 31
