"""METRICS_FILE and FEATURES_FILE as files of a host that others use, too: replaced whole, in the way, removed, escaped."""

import re
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.machines.node_host import NODE, Node, own, uninstalls
from tests.support.machines.node_processes import killing, stop, two_polls_later, until, waiting
from tests.support.machines.node_report import FEATURES, METRICS, features, metrics, on, pretend_seconds


def test_others_may_read_them(reporting: Node) -> None:
    reporting.installs()
    for path in (on(reporting, METRICS), on(reporting, FEATURES)):
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o644, 0o755)


def test_whoever_reads_a_file_while_it_is_replaced_reads_the_whole_old_one(reporting: Node) -> None:
    reporting.installs()
    with on(reporting, METRICS).open() as metrics_before, on(reporting, FEATURES).open() as features_before:
        reporting.environment.update(KERNEL="6.6.1")
        (reporting.host / "run/nvidia/nvidia-installer.ready").unlink()
        assert reporting.run("install").returncode == 10
        assert "install_exit_code 0\n" in metrics_before.read()
        assert features_before.read().endswith("state=ready\n")
    assert metrics(reporting)["install_exit_code"] == 10
    assert features(reporting)["state"] == "not-ready"


def test_a_killed_run_leaves_whole_files_that_uninstall_removes(reporting: Node) -> None:
    before = reporting.tree()
    reporting.installs()
    uninstalls(reporting)
    run = killing(reporting)
    changes = run(None)
    reporting.environment["KILL_AT"] = ""
    uninstalls(reporting)
    steps = [
        number for number, change in enumerate(changes, 1) if re.search("nvidia-installer$|/var|kubernetes", change)
    ]
    assert {changes[number - 1].split()[0] for number in steps} >= {"mkdir", "mv"}
    for number in steps:
        run(number)
        folder = on(reporting, METRICS).parent
        assert not folder.exists() or [path.name for path in folder.glob("*.prom")] in ([], [Path(METRICS).name])
        assert not on(reporting, METRICS).exists() or metrics(reporting)["install_exit_code"] == 0
        reporting.environment["KILL_AT"] = ""
        reporting.installs()
        assert metrics(reporting)["ready"] == 1
        uninstalls(reporting)
        assert own(reporting.tree()) == own(before), changes[number - 1]


def test_two_that_write_at_once_wait_for_each_other(reporting: Node) -> None:
    """Check that the second writer keeps the first one's content, not the content from before it took the lock."""
    reporting.installs()
    pretend_seconds(reporting, 1)
    reporting.environment["KERNEL"] = "6.6.1"
    file = on(reporting, METRICS)
    reporting.stub("flock", f'sed -i "s/install_seconds 1$/install_seconds 2/" {file}; exec flock "$@"')
    assert reporting.run("install").returncode == 10
    assert metrics(reporting)["install_seconds"] == 2


def test_wait_that_comes_to_write_while_uninstall_is_at_it_leaves_nothing(reporting: Node) -> None:
    """Uninstall runs as a whole before `wait` gets the lock, which has found a driver to tell of."""
    theirs = [on(reporting, path).parent for path in (METRICS, FEATURES)]
    for folder in theirs:
        folder.mkdir(parents=True)
    reporting.installs()
    for path in (METRICS, FEATURES):
        on(reporting, path).unlink()
    done = reporting.folder / "done"
    uninstall = f"PATH={reporting.programs} {NODE}/nvidia-installer uninstall --keep-modules >&2"
    reporting.stub("flock", f'[ -e {done} ] || {{ : >{done}; {uninstall}; }}\nexec flock "$@"')
    assert reporting.run("wait", "--once").returncode == 0
    assert done.exists()
    assert [list(folder.iterdir()) for folder in theirs] == [[], []]


def test_a_failed_unpacking_is_removed_before_reports_need_its_room(reporting: Node) -> None:
    reporting.stub("depmod", "echo 'No space left on device' >&2; exit 1")
    for program in ("rm", "mv"):
        reporting.stub(program, f'exec {program} "$@"')
    assert reporting.run("install").returncode == 13
    lines = (reporting.folder / "calls").read_text().splitlines()
    removed = max(number for number, line in enumerate(lines) if line.endswith("/.unpacking"))
    (report,) = (
        number
        for number, line in enumerate(lines)
        if line.startswith("mv ") and line.endswith(f" {on(reporting, METRICS)}")
    )
    assert removed < report


def test_uninstalling_leaves_neither_file_nor_folder(reporting: Node) -> None:
    before = reporting.tree()
    reporting.installs()
    uninstalls(reporting)
    assert own(reporting.tree()) == own(before)


def test_folders_that_others_made_or_use_stay_without_a_trace_of_ours(reporting: Node) -> None:
    theirs, shared = on(reporting, METRICS).parent, on(reporting, FEATURES).parent
    theirs.mkdir(parents=True)
    reporting.installs()
    (shared / "other").write_text("colour=green\n")
    uninstalls(reporting)
    assert not list(theirs.iterdir())
    assert [path.name for path in shared.iterdir()] == ["other"]
    assert [path.name for path in shared.parent.iterdir()] == ["features.d"]


def test_files_of_which_one_lies_below_the_others_folder_leave_none(reporting: Node) -> None:
    reporting.environment.update(METRICS_FILE="/srv/reports/a.prom", FEATURES_FILE="/srv/reports/features.d/b")
    reporting.installs()
    assert (reporting.host / "srv/reports/a.prom").exists()
    assert (reporting.host / "srv/reports/features.d/b").exists()
    uninstalls(reporting)
    assert not (reporting.host / "srv").exists()


def test_a_read_only_folder_is_said_by_each_run_and_is_no_obstacle(reporting: Node) -> None:
    for path in (METRICS, FEATURES):
        on(reporting, path).parent.mkdir(parents=True)
    mounts = [f"/usr/bin/mount -t tmpfs -o ro none {on(reporting, path).parent}" for path in (METRICS, FEATURES)]
    runs = [f"{NODE}/nvidia-installer {command}" for command in ("install", "wait --once", "uninstall")]
    unshare = ("/usr/bin/unshare", "--user", "--map-root-user", "--mount")
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us make namespaces")
    command = [*unshare, "bash", "-c", "\n".join(("set -e", *mounts, *runs))]
    done = subprocess.run(command, env=reporting.env(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for setting in (f"METRICS_FILE={METRICS}", f"FEATURES_FILE={FEATURES}"):
        said = [line for line in done.stderr.splitlines() if line.startswith(f"nvidia-installer: {setting} ")]
        assert len(said) == 2, done.stderr  # uninstall has nothing to remove
        assert all("is not up to date" in line and line.endswith("Read-only file system") for line in said)


def test_install_names_the_obstacle_and_wait_writes_once_there_is_a_folder(reporting: Node) -> None:
    obstacle = reporting.host / "etc/kubernetes"
    obstacle.write_text("in the way")
    assert reporting.installs().count("FEATURES_FILE=") == 1
    assert metrics(reporting)["ready"] == 1
    with waiting(reporting) as process:
        two_polls_later(process)
        obstacle.unlink()
        on(reporting, FEATURES).parent.mkdir(parents=True)
        until(lambda: on(reporting, FEATURES).exists())
        said = stop(process)
    assert "FEATURES_FILE=" not in said
    assert features(reporting)["state"] == "ready"


def test_a_link_of_the_host_is_followed_inside_the_host(reporting: Node) -> None:
    (reporting.host / "var").symlink_to("/srv/var")
    reporting.installs()
    assert (reporting.host / f"srv{METRICS}").exists()
    uninstalls(reporting)
    assert not (reporting.host / "srv").exists()


def test_a_host_that_is_not_mounted_is_not_made(reporting: Node) -> None:
    reporting.environment["HOST_ROOT"] = f"{reporting.folder}/none"
    assert reporting.run("install").returncode == 17
    assert not (reporting.folder / "none").exists()


def formatted(command: str, value: str) -> str:
    """Return the output of a line of bash that has the functions of report-formats.sh and a value as $1."""
    script = f"source {NODE}/lib/report/report-formats.sh; {command}"
    return subprocess.run(["bash", "-c", script, "-", value], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("value", ["plain", 'a "quoted" word', "C:\\new\\", "two\nlines", '\\"\n\\n&', ""])
def test_a_label_of_a_metric_holds_any_text(value: str) -> None:
    text = formatted('labels=; add_label a x; add_label b "$1"; metric c "Help." "{$labels} 1"', value)
    (family,) = text_string_to_metric_families(text)
    assert family.samples[0].labels == {"a": "x", "b": value}


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("6.12.117+deb13", "6.12.117-deb13"),
        ("550.163.01", "550.163.01"),
        ("-_.x y/z+", "x-y-z"),
        ("+++", ""),
        ("", ""),
        ("a" * 62 + "++b", "a" * 62),
        ("a" * 70, "a" * 63),
    ],
)
def test_a_feature_is_a_value_that_a_label_of_kubernetes_may_have(value: str, label: str) -> None:
    assert formatted('feature x "$1"', value) == f"nvidia-installer.x={label}\n"
    assert re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?", label)
