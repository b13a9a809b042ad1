"""Tests of METRICS_FILE and FEATURES_FILE after an installation, after a refused one, and while `wait` runs."""

from pathlib import Path

import pytest

from tests.support.machines.node_host import DRIVER, OLD_DRIVER, Node
from tests.support.machines.node_image import make_image, write_manifests
from tests.support.machines.node_programs import KERNEL
from tests.support.machines.node_report import (
    FEATURES,
    METRICS,
    additional_features,
    failure,
    features,
    metrics,
    on,
    pretend_seconds,
    samples,
)

TAG = "550.163.01-6.12.117-deb13-cloud-amd64-debian-13"
IN_USE = failure("install", 21, "in_use")
INFO = {"driver": DRIVER, "kernel": KERNEL, "module_type": "proprietary", "image": TAG}


def refuses(node: Node, code: int) -> None:
    done = node.run("install")
    assert done.returncode == code, done.stderr


def without_reports(node: Node) -> dict[str, object]:
    """Return everything but the two reports and their folders, which a rename changes."""
    reports = [f"host{path}" for file in (METRICS, FEATURES) for path in (file, str(Path(file).parent))]
    return {path: value for path, value in node.stat().items() if path not in reports}


def test_without_the_settings_nothing_is_written(node: Node) -> None:
    node.installs()
    assert not (node.host / "var/lib").exists()
    assert not (node.host / "etc/kubernetes").exists()


def test_a_good_installation_is_told_in_both(reporting: Node) -> None:
    reporting.installs()
    told = metrics(reporting)
    assert told.pop("install_seconds") in range(60)
    assert told == {"info": INFO, "ready": 1, "state": "same", "install_exit_code": 0}
    assert features(reporting) == {
        "driver-version": DRIVER,
        "driver-branch": "550",
        "kernel": "6.12.117-deb13-cloud-amd64",
        "module-type": "proprietary",
        "state": "ready",
    }


def test_one_of_them_is_enough(reporting: Node) -> None:
    reporting.environment["FEATURES_FILE"] = ""
    reporting.installs()
    assert metrics(reporting)["ready"] == 1
    assert not (reporting.host / "etc/kubernetes").exists()


def test_where_nothing_is_loaded_a_driver_is_installed_and_not_ready(reporting: Node) -> None:
    reporting.installs("--no-load")
    told = metrics(reporting)
    assert (told["info"], told["ready"], told["state"]) == (INFO, 0, "absent")
    assert (features(reporting)["driver-version"], features(reporting)["state"]) == (DRIVER, "absent")


def test_a_refusal_on_an_empty_node_is_told_and_changes_nothing_else(reporting: Node) -> None:
    reporting.environment["KERNEL"] = "6.6.1"
    before = reporting.tree()
    refuses(reporting, 10)
    told = metrics(reporting)
    assert told == {
        "ready": 0,
        "state": "absent",
        "install_exit_code": 10,
        "failure": failure("install", 10, "wrong_kernel"),
    }
    assert features(reporting) == {"state": "absent"}
    after = reporting.tree()
    assert after.items() >= before.items()
    assert {"/".join(path.split("/")[:3]) for path in after.keys() - before.keys()} == {
        "host/run/nvidia",
        "host/var",
        "host/var/.nvidia-installer-made",
        "host/var/lib",
        "host/etc/kubernetes",
    }


def test_a_refused_driver_is_reported_beside_the_one_in_use(reporting: Node) -> None:
    make_image(reporting, driver=OLD_DRIVER)
    reporting.installs()
    make_image(reporting)
    reporting.add_process(41, "train.py", "/dev/nvidia0")
    refuses(reporting, 21)
    told = metrics(reporting)
    assert told["info"] == {**INFO, "driver": OLD_DRIVER}
    assert (told["ready"], told["state"], told["install_exit_code"]) == (1, "same", 21)
    assert features(reporting)["state"] == "ready"


def test_a_driver_of_somebody_elses_that_has_users_is_told_as_busy(reporting: Node) -> None:
    reporting.pretend_loaded(OLD_DRIVER)
    reporting.add_process(41, "train.py", "/dev/nvidia0")
    refuses(reporting, 21)
    assert metrics(reporting) == {"ready": 0, "state": "different-busy", "install_exit_code": 21, "failure": IN_USE}
    assert features(reporting) == {"state": "different-busy"}


@pytest.mark.parametrize(("case", "code"), [("image", 15), ("setting", 2), ("argument", 2)])
def test_what_ends_it_before_it_has_looked_at_the_node_is_told_as_well(reporting: Node, case: str, code: int) -> None:
    if case == "image":
        write_manifests(reporting.image, KERNEL_RELEASE="")
    if case == "setting":
        reporting.environment["KERNEL_MODULE_TYPE"] = "closed"
    done = reporting.run("install", *(["--now"] if case == "argument" else []))
    assert (done.returncode, metrics(reporting)["install_exit_code"]) == (code, code)


def test_a_setting_that_says_where_is_obeyed_only_if_it_is_right(reporting: Node) -> None:
    reporting.environment["METRICS_FILE"] = "/run/../nvidia.prom"
    refuses(reporting, 2)
    assert not (reporting.host / "nvidia.prom").exists()


def test_a_second_installation_changes_only_the_times_of_the_reports(reporting: Node) -> None:
    reporting.installs()
    pretend_seconds(reporting, 4711)
    before = metrics(reporting), features(reporting), without_reports(reporting)
    reporting.installs()
    assert (metrics(reporting), features(reporting), without_reports(reporting)) == before
    assert before[0]["install_seconds"] == 4711


def test_a_refusal_keeps_the_seconds_until_the_next_real_installation(reporting: Node) -> None:
    reporting.installs()
    pretend_seconds(reporting, 4711)
    reporting.environment["KERNEL"] = "6.6.1"
    refuses(reporting, 10)
    assert (metrics(reporting)["install_seconds"], metrics(reporting)["ready"]) == (4711, 1)
    reporting.environment.update(KERNEL=KERNEL, KERNEL_MODULE_TYPE="open")
    reporting.installs()
    told = metrics(reporting)
    assert told["install_seconds"] in range(60)
    assert (told["info"], told["install_exit_code"]) == ({**INFO, "module_type": "open"}, 0)


def test_an_installation_that_fails_on_the_way_tells_no_time(reporting: Node) -> None:
    reporting.environment["REFUSED"] = "nvidia-uvm"
    refuses(reporting, 20)
    assert metrics(reporting) == {
        "info": INFO,
        "ready": 0,
        "state": "same",
        "install_exit_code": 20,
        "failure": failure("install", 20, "module_refused"),
    }
    assert features(reporting)["state"] == "not-ready"


def test_the_problem_and_the_daemons_are_told(reporting: Node) -> None:
    reporting.environment["REFUSED"] = "nvidia-uvm"
    refuses(reporting, 20)
    assert samples(reporting, "problem_info") == {"modules_missing": 1}
    assert samples(reporting, "daemon_running") == {"persistence": 0}
    assert additional_features(reporting) == {
        "problem": "modules_missing",
        "persistence-daemon": "missing",
        "fabric-manager": "not-needed",
    }


def test_a_ready_driver_has_no_problem(reporting: Node) -> None:
    reporting.installs()
    assert "problem" not in additional_features(reporting)
    assert "problem_info" not in on(reporting, METRICS).read_text()
