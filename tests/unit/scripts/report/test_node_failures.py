"""Tests of the last failure of install or uninstall: in status, in the metrics, and in the log of `wait`."""

import json
import re
import subprocess

import pytest

from tests.support.machines.node_host import NODE, OLD_DRIVER, Node, uninstalls
from tests.support.machines.node_image import make_image
from tests.support.machines.node_processes import stop, two_polls_later, waiting
from tests.support.machines.node_report import FAILURE, failure, metrics, on

IN_USE = (
    "uninstall must unload the driver, but it is in use by process 41 (train.py); "
    "drain the node's GPU users, or reboot the node"
)


def refuse_uninstall(node: Node) -> None:
    """Install a driver, and let an uninstallation fail because a process uses it."""
    node.installs()
    node.add_process(41, "train.py", "/dev/nvidia0")
    assert node.run("uninstall").returncode == 21


def last_failure(node: Node) -> object:
    return json.loads(node.run("status", "--json").stdout)["last_failure"]


def test_status_shows_the_last_failure(node: Node) -> None:
    refuse_uninstall(node)
    done = node.run("status")
    assert done.returncode == 0
    assert f"last failure: uninstall, exit code 21 (in_use): {IN_USE}\n" in done.stdout
    assert last_failure(node) == {"command": "uninstall", "exit_code": 21, "reason": "in_use", "message": IN_USE}


def test_the_metrics_show_a_failure_of_uninstall_without_a_running_wait(reporting: Node) -> None:
    refuse_uninstall(reporting)
    told = metrics(reporting)
    assert told["failure"] == failure("uninstall", 21, "in_use")
    assert (told["install_exit_code"], told["ready"]) == (0, 1)


def test_a_successful_installation_ends_the_failure(reporting: Node) -> None:
    refuse_uninstall(reporting)
    reporting.installs()
    assert "failure" not in metrics(reporting)
    assert last_failure(reporting) is None
    assert not on(reporting, FAILURE).exists()


def test_a_successful_uninstallation_leaves_no_failure(reporting: Node) -> None:
    before = reporting.tree().keys()
    refuse_uninstall(reporting)
    for number in (0, 1):
        (reporting.proc / f"41/fd/{number}").unlink()
    uninstalls(reporting)
    assert {path for path in reporting.tree().keys() - before if "run" in path or "var" in path} == set()


def test_a_running_wait_shows_the_failure_in_log_and_metrics(reporting: Node) -> None:
    reporting.installs()
    with waiting(reporting) as process:
        reporting.add_process(41, "train.py", "/dev/nvidia0")
        two_polls_later(process)
        assert reporting.run("uninstall").returncode == 21
        two_polls_later(process)
        said = stop(process)
    assert said == f"nvidia-installer: uninstall failed with exit code 21 (in_use): {IN_USE}\n"
    assert metrics(reporting)["failure"] == failure("uninstall", 21, "in_use")


def test_a_failure_just_before_the_signal_is_logged_too(node: Node) -> None:
    node.installs()
    node.environment["POLL_SECONDS"] = "600"
    with waiting(node) as process:
        node.add_process(41, "train.py", "/dev/nvidia0")
        assert node.run("uninstall").returncode == 21
        assert "uninstall failed with exit code 21 (in_use)" in stop(process)


def test_wait_does_not_log_a_failure_from_before_its_start(node: Node) -> None:
    refuse_uninstall(node)
    assert "failed" not in node.run("wait", "--once").stderr


def test_a_failure_in_a_subshell_has_the_meaning_of_its_exit_code(node: Node) -> None:
    node.installs()
    make_image(node, driver=OLD_DRIVER)
    (node.image / "userspace.tar.zst").unlink()
    assert node.run("install").returncode == 15
    assert last_failure(node) == {
        "command": "install",
        "exit_code": 15,
        "reason": "damaged_image",
        "message": "the image is incomplete or damaged",
    }


def test_a_user_other_than_root_records_nothing(node: Node) -> None:
    node.installs()
    node.environment["USER_ID"] = "1000"
    assert node.run("install").returncode == 12
    assert not on(node, FAILURE).exists()


def test_another_command_records_and_removes_nothing(node: Node) -> None:
    refuse_uninstall(node)
    before = on(node, FAILURE).read_text()
    for command in (("status", "--now"), ("status",), ("wait", "--once"), ("unpack",)):
        node.run(*command)
    assert on(node, FAILURE).read_text() == before


def test_a_run_dir_that_leads_off_the_host_gets_no_failure(reporting: Node) -> None:
    (reporting.host / "run").rmdir()
    (reporting.host / "run").symlink_to(reporting.folder / "elsewhere")
    reporting.environment["KERNEL"] = "6.6.1"
    assert reporting.run("install").returncode == 10
    assert not (reporting.folder / "elsewhere").exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "install\n",
        "install\n21\n",
        "reboot\n21\nx\n",
        'install\n2"1\nx\n',
        "install\n21\nx\ny\n",
        "install\n1e3\nx\n",
    ],
)
def test_a_file_that_is_no_failure_is_ignored(node: Node, text: str) -> None:
    node.installs()
    on(node, FAILURE).write_text(text)
    assert last_failure(node) is None


def test_an_image_that_does_not_know_the_exit_code_shows_it_anyway(node: Node) -> None:
    node.installs()
    on(node, FAILURE).write_text("install\n99\nfrom a newer version\n")
    assert "last failure: install, exit code 99 (unknown): from a newer version\n" in node.run("status").stdout


def test_every_exit_code_has_its_constant_as_its_reason() -> None:
    text = (NODE / "lib/core/exit-codes.sh").read_text()
    codes = dict(re.findall(r"^readonly EXIT_([A-Z_]+)=(\d+) ", text, re.MULTILINE))
    script = f'STATE_DIR= LIB={NODE}/lib; source $LIB/report/failure.sh; for code; do exit_code_reason "$code"; done'
    command = ["bash", "-c", script, "-", *codes.values()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [name.lower() for name in codes]


def test_a_full_run_dir_is_named(node: Node) -> None:
    make_image(node, driver=OLD_DRIVER)
    unshare = ("/usr/bin/unshare", "--user", "--map-root-user", "--mount")
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us make namespaces")
    script = f"/usr/bin/mount -t tmpfs -o nr_inodes=1 none {node.host}/run; {NODE}/nvidia-installer install"
    done = subprocess.run([*unshare, "bash", "-c", script], env=node.env(), capture_output=True, text=True, check=False)
    assert done.returncode == 13, done.stderr
    assert f"the disk of {node.host}/run/nvidia is full; free some space" in done.stderr.replace("/validations", "")
