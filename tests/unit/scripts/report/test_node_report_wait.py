"""Tests of METRICS_FILE and FEATURES_FILE while `wait` runs."""

from tests.support.machines.node_host import DRIVER, Node
from tests.support.machines.node_processes import stop, two_polls_later, until, waiting
from tests.support.machines.node_programs import KERNEL
from tests.support.machines.node_report import (
    FEATURES,
    failure,
    features,
    metrics,
    on,
)

TAG = "550.163.01-6.12.117-deb13-cloud-amd64-debian-13"
IN_USE = failure("install", 21, "in_use")
INFO = {"driver": DRIVER, "kernel": KERNEL, "module_type": "proprietary", "image": TAG}


def test_wait_reports_a_lost_driver_and_keeps_the_rest_of_the_report(reporting: Node) -> None:
    reporting.installs()
    before = metrics(reporting)
    (reporting.host / "run/nvidia/nvidia-installer.wanted").unlink()
    with waiting(reporting) as process:
        (reporting.sysfs / "module/nvidia").rename(reporting.folder / "gone")
        assert process.wait(timeout=30) == 32
    assert metrics(reporting) == before | {"ready": 0, "state": "absent"}
    assert features(reporting)["state"] == "absent"


def test_wait_tells_that_readiness_was_withdrawn_and_given_again(reporting: Node) -> None:
    reporting.installs()
    ready = reporting.host / "run/nvidia/nvidia-installer.ready"
    with waiting(reporting) as process:
        ready.rename(reporting.folder / "ready")
        until(lambda: features(reporting)["state"] == "not-ready")
        assert metrics(reporting)["ready"] == 0
        (reporting.folder / "ready").rename(ready)
        until(lambda: features(reporting)["state"] == "ready")
        stop(process)
    assert metrics(reporting)["ready"] == 1


def test_wait_tells_what_it_waits_for_and_that_it_has_come(reporting: Node) -> None:
    reporting.installs()
    ready = reporting.host / "run/nvidia/nvidia-installer.ready"
    ready.rename(reporting.folder / "ready")
    assert reporting.run("wait", "--once", "--timeout", "1").returncode == 31
    assert features(reporting)["state"] == "not-ready"
    (reporting.folder / "ready").rename(ready)
    assert reporting.run("wait", "--once").returncode == 0
    assert features(reporting)["state"] == "ready"


def test_wait_writes_nothing_while_nothing_changes(reporting: Node) -> None:
    reporting.installs()
    with waiting(reporting) as process:
        two_polls_later(process)
        before = reporting.stat()
        two_polls_later(process)
        stop(process)
    assert reporting.stat() == before


def test_wait_does_not_bring_the_files_back_after_an_uninstallation(reporting: Node) -> None:
    reporting.installs()
    with waiting(reporting) as process:
        assert reporting.run("uninstall", "--keep-modules").returncode == 0
        two_polls_later(process)
        stop(process)
    assert not (reporting.host / "var").exists()
    assert not (reporting.host / "etc/kubernetes").exists()


def test_a_look_at_which_nothing_has_changed_starts_no_program(reporting: Node) -> None:
    reporting.installs()
    reporting.environment["PERSISTENCE"] = "off"
    programs = ("find", "modinfo", "mv", "readlink", "realpath")
    for program in programs:
        reporting.stub(program, f'exec {program} "$@"')
    with waiting(reporting) as process:
        two_polls_later(process)
        assert not [call for call in reporting.calls("find") if "-lname" in call]  # with which users are looked for
        (reporting.folder / "calls").rename(reporting.folder / "calls-before")
        two_polls_later(process)
        stop(process)
    assert [reporting.calls(program) for program in programs] == [[]] * len(programs)


def test_wait_writes_a_file_again_that_somebody_has_removed(reporting: Node) -> None:
    reporting.installs()
    with waiting(reporting) as process:
        two_polls_later(process)
        on(reporting, FEATURES).unlink()
        until(lambda: on(reporting, FEATURES).exists())
        stop(process)
    assert features(reporting)["state"] == "ready"
