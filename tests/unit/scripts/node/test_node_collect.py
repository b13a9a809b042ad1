"""Tests of `nvidia-installer collect`: the content of its archive, and nodes on which some or all of it fails."""

import fcntl
import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.support.machines.node_host import DRIVER, H100_SWITCH, NAME, NODE, Node
from tests.support.machines.node_image import make_image
from tests.support.machines.node_processes import running, until
from tests.support.machines.node_report import FAILURE, FEATURES, METRICS, on

PRIVATE = "hunter2"


def unpack(archive: bytes, folder: Path) -> dict[str, str]:
    """Return the text of each file of an archive of `collect`, by its name."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["tar", "--extract", "--zstd", "--directory", folder], input=archive, check=True)
    (report,) = folder.iterdir()
    assert report.name == "nvidia-installer-report"
    return {path.name: path.read_text() for path in report.iterdir()}


def collect(node: Node, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [str(NODE / "nvidia-installer"), "collect", *arguments]
    env = {**node.env(), "TMPDIR": str(temporary(node))}
    return subprocess.run(command, env=env, capture_output=True, check=False, start_new_session=True, timeout=60)


def temporary(node: Node) -> Path:
    folder = node.folder / "tmp"
    folder.mkdir(exist_ok=True)
    return folder


def report(node: Node) -> dict[str, str]:
    """Run `collect`, assert that it succeeds and leaves nothing behind, and return the files of its archive."""
    done = collect(node)
    assert done.returncode == 0, done.stderr.decode()
    assert list(temporary(node).iterdir()) == []
    return unpack(done.stdout, node.folder / "report")


@pytest.fixture
def complete(node: Node) -> Node:
    """Return a node with a driver on which no item fails."""
    node.installs()
    (node.proc / "modules").write_text("nvidia 60000000 2 nvidia_uvm, Live 0x0\n")
    (node.proc / "cmdline").write_text("root=/dev/sda1 nvidia-drm.modeset=1 quiet\n")
    return node


def test_the_output_is_an_archive_with_the_state_of_the_node(complete: Node) -> None:
    files = report(complete)
    assert files["errors.txt"] == ""
    assert json.loads(files["status.json"])["ready"] is True
    assert files["status.txt"].endswith("ready: true\n")
    assert files["manifest.env"] == (complete.image / "manifest.env").read_text()
    assert files[f"driver-{NAME}.env"] == (complete.drivers / NAME / "installed.env").read_text()
    assert files[f"driver-{NAME}.differences.txt"] == ""
    assert files["modules.txt"].startswith("nvidia 60000000 2")
    assert "238 nvidia-uvm" in files["devices.txt"]
    assert 'VERSION_ID="13"' in files["os-release.txt"]
    assert f"nvidia/version: {DRIVER}\n" in files["module-parameters.txt"]
    assert files["nvidia-smi.txt"] == "fine\n"
    assert f"current -> {NAME}" in files["folders.txt"]


def test_nothing_on_the_host_changes(complete: Node) -> None:
    before = complete.stat()
    report(complete)
    assert complete.stat() == before


def test_only_its_owner_can_read_the_file(node: Node) -> None:
    file = node.folder / "report.tar.zst"
    assert collect(node, str(file)).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_is_written_that_did_not_exist(complete: Node) -> None:
    file = complete.folder / "report.tar.zst"
    done = collect(complete, str(file))
    assert (done.returncode, done.stdout) == (0, b"")
    assert "status.json" in unpack(file.read_bytes(), complete.folder / "report")


@pytest.mark.parametrize("kind", ["file", "folder", "fifo", "link"])
def test_nothing_is_overwritten(node: Node, kind: str) -> None:
    path = node.folder / "report.tar.zst"
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(node.folder / "elsewhere")
    done = collect(node, str(path))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == (f"nvidia-installer: {path} exists; name a new file; see nvidia-installer --help\n")
    assert not (node.folder / "elsewhere").exists()
    assert kind != "file" or path.read_text() == "mine"


def test_a_file_in_a_missing_folder_is_a_usage_error(node: Node) -> None:
    done = collect(node, "/nonexistent/report.tar.zst")
    assert done.returncode == 2
    assert b"cannot create /nonexistent/report.tar.zst; name a file in a writable folder" in done.stderr


@pytest.mark.parametrize("arguments", [("",), ("--json",), ("a", "b")])
def test_anything_but_one_file_is_a_usage_error(node: Node, arguments: tuple[str, ...]) -> None:
    done = collect(node, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"collect takes one file, or none" in done.stderr


def test_a_terminal_gets_no_archive(node: Node) -> None:
    terminal, inside = pty.openpty()
    command = [str(NODE / "nvidia-installer"), "collect"]
    done = subprocess.run(command, env=node.env(), stdout=inside, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(inside)
    os.close(terminal)
    assert done.returncode == 2
    assert b"its output is a terminal; name a file, or redirect the output (> report.tar.zst)" in done.stderr


def test_a_run_that_holds_the_lock_does_not_matter(complete: Node) -> None:
    lock = os.open(complete.host / "run/nvidia", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert json.loads(report(complete)["status.json"])["ready"] is True
    os.close(lock)


def test_before_an_installation_there_is_a_report_too(node: Node) -> None:
    files = report(node)
    assert json.loads(files["status.json"])["problem"] == "not_installed"
    assert "nvidia-smi.txt: failed with exit code 1\nnvidia-smi.txt: the driver is not loaded\n" in files["errors.txt"]
    assert not (node.host / "run/nvidia").exists()


def test_a_damaged_image_and_a_wrong_setting_are_reported(complete: Node) -> None:
    (complete.image / "manifest.env").unlink()
    complete.environment["PERSISTENCE"] = "maybe"
    files = report(complete)
    assert "status.txt: failed with exit code 2\n" in files["errors.txt"]
    assert "status.txt: nvidia-installer: PERSISTENCE=maybe is not one of: auto off" in files["errors.txt"]
    assert "manifest.env: failed with exit code 1\n" in files["errors.txt"]
    assert "PERSISTENCE=maybe\n" in files["settings.txt"]
    assert NAME in files["folders.txt"]


def test_changed_and_missing_files_of_a_driver_are_named(complete: Node) -> None:
    (complete.drivers / NAME / f"lib/libcuda.so.{DRIVER}").unlink()
    (complete.drivers / NAME / "bin/extra").write_text("")
    lines = report(complete)[f"driver-{NAME}.differences.txt"].splitlines()
    assert [line for line in lines if line.startswith("unpacked: f ") and line.endswith(f" lib/libcuda.so.{DRIVER}")]
    assert [line for line in lines if line.startswith("now: f ") and line.endswith(" bin/extra")]


def test_logs_reports_and_the_last_failure_are_copied(reporting: Node) -> None:
    reporting.installs()
    (reporting.host / "run/nvidia/nv-fabricmanager.log").write_text("started\n")
    on(reporting, FAILURE).write_text("install\n21\nin use\n")
    files = report(reporting)
    assert files["nv-fabricmanager.log"] == "started\n"
    assert files["failure.txt"] == "install\n21\nin use\n"
    assert files["metrics_file.txt"] == on(reporting, METRICS).read_text()
    assert files["features_file.txt"] == on(reporting, FEATURES).read_text()


@pytest.mark.parametrize("name", ["nvidia-installer.failure", "other.log"])
def test_a_link_in_the_run_folder_is_not_followed(complete: Node, name: str) -> None:
    (complete.folder / "shadow").write_text(PRIVATE)
    (complete.host / "run/nvidia" / name).symlink_to(complete.folder / "shadow")
    files = report(complete)
    assert PRIVATE not in str(files)
    assert f"{name} is not a file" in files["errors.txt"]


def test_a_fifo_in_the_run_folder_does_not_block(complete: Node) -> None:
    os.mkfifo(complete.host / "run/nvidia/other.log")
    assert "other.log is not a file" in report(complete)["errors.txt"]


def test_only_the_end_of_a_long_log_is_copied(complete: Node) -> None:
    (complete.host / "run/nvidia/nv-fabricmanager.log").write_text("x" * (2 << 20) + "end\n")
    log = report(complete)["nv-fabricmanager.log"]
    assert (len(log), log[-4:]) == (1 << 20, "end\n")


def test_pci_devices_of_nvidia_have_driver_group_and_link(complete: Node) -> None:
    gpu = complete.add_to_bus("0000:3b:00.0", "2330")
    complete.add_to_bus("0000:05:00.0", H100_SWITCH, "068000")
    (complete.add_to_bus("0000:00:1f.0", "1234") / "vendor").write_text("0x8086\n")
    drivers, group = complete.sysfs / "bus/pci/drivers/nvidia", complete.sysfs / "kernel/iommu_groups/7"
    for folder in (drivers, group):
        folder.mkdir(parents=True)
    (gpu / "driver").symlink_to(drivers)
    (gpu / "iommu_group").symlink_to(group)
    (group / "type").write_text("identity\n")
    (gpu / "current_link_speed").write_text("32.0 GT/s PCIe\n")
    (gpu / "aer_dev_fatal").write_text("Undefined 0\nDLP 1\n")
    text = report(complete)["pci.txt"]
    assert "0000:3b:00.0\n  driver: nvidia\n  IOMMU group: 7\n" in text
    assert "  iommu_group/type: identity\n" in text
    assert "  class: 0x030200\n" in text
    assert "  current_link_speed: 32.0 GT/s PCIe\n" in text
    assert "  aer_dev_fatal: Undefined 0; DLP 1\n" in text
    assert "0000:05:00.0\n" in text
    assert "0000:00:1f.0" not in text


def test_processes_have_a_name_and_a_pod_and_no_arguments(complete: Node) -> None:
    complete.add_process(41, "train.py", "/dev/nvidia0")
    (complete.proc / "41/cmdline").write_text(f"train.py\0--token={PRIVATE}\0")
    (complete.proc / "41/environ").write_text(f"TOKEN={PRIVATE}\0")
    files = report(complete)
    assert files["users.txt"] == "process 41 (train.py)\n"
    assert PRIVATE not in str(files)


def test_of_the_environment_only_settings_are_in_it(complete: Node) -> None:
    complete.environment.update(TOKEN=PRIVATE, KUBERNETES_SERVICE_HOST=PRIVATE, FABRIC_MANAGER="off")
    files = report(complete)
    assert "FABRIC_MANAGER=off\n" in files["settings.txt"]
    assert PRIVATE not in str(files)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("rd.iscsi.password=hunter2 quiet", "rd.iscsi.password=? quiet"),
        ('ds="nocloud;s=http://u:hunter2@x/ a" pci=realloc', "ds=? pci=realloc"),
        ('"netroot=iscsi:u:hunter2 x" iommu.passthrough=1', '"netroot=? iommu.passthrough=1'),
        ("intel_iommu=on module.sig_enforce=1", "intel_iommu=on module.sig_enforce=1"),
        ("rd.driver.blacklist=nouveau vfio_pci.ids=10de:2330", "rd.driver.blacklist=nouveau vfio_pci.ids=10de:2330"),
        ("quiet -- --token hunter2", "quiet"),
        ("security_token=hunter2 pci_password=hunter2", "security_token=? pci_password=?"),
    ],
)
def test_the_kernels_command_line_shows_what_concerns_drivers(complete: Node, given: str, shown: str) -> None:
    (complete.proc / "cmdline").write_text(f"{given}\n")
    files = report(complete)
    assert files["kernel.txt"].endswith(f"command line: {shown}\n")
    assert PRIVATE not in str(files)


def test_kernel_messages_are_about_drivers_and_have_no_command_lines(complete: Node) -> None:
    lines = [
        f"Kernel command line: nvidia.x=1 token={PRIVATE}",
        f"Unknown kernel command line parameters nvidia token={PRIVATE}",
        f'audit: type=1309 argc=2 a0="nvidia-smi" a1="--token={PRIVATE}"',
        f"usb 1-1: serial {PRIVATE}",
        "NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.",
        "pcieport 0000:3a:00.0: AER: Uncorrected (Fatal) error",
        "Lockdown: modprobe: unsigned module loading is restricted",
        "vfio-pci 0000:86:00.0: reset done",
    ]
    complete.stub("dmesg", "cat <<'END'\n" + "\n".join(lines) + "\nEND")
    assert report(complete)["kernel-messages.txt"].splitlines() == lines[4:]


def test_an_item_that_fails_is_noted_and_the_others_are_there(complete: Node) -> None:
    complete.stub("dmesg", "echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1")
    done = collect(complete)
    files = unpack(done.stdout, complete.folder / "report")
    assert files["errors.txt"] == (
        "kernel-messages.txt: failed with exit code 1\n"
        "kernel-messages.txt: dmesg: read kernel buffer failed: Operation not permitted\n"
    )
    assert files["status.txt"].endswith("ready: true\n")
    assert b"1 items are missing or not complete; errors.txt in the archive has the reasons" in done.stderr


def test_programs_that_hang_are_ended_and_noted(node: Node) -> None:
    hang = 'trap "" TERM; echo $$ >"$PROC_ROOT/../hanging"; echo begun; exec /bin/sleep 1000'
    make_image(node, programs={"nvidia-smi": f'case "$*" in -q) {hang} ;; esac'})
    node.installs()
    node.environment["COLLECT_SECONDS"] = "2"
    files = report(node)
    assert "nvidia-smi.txt: did not end within 2 seconds\n" in files["errors.txt"]
    assert files["nvidia-smi.txt"] == "begun\n"
    pid = int((node.folder / "hanging").read_text())
    until(lambda: not (Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes()))


def test_a_signal_ends_it_and_leaves_nothing_behind(node: Node) -> None:
    make_image(node, programs={"nvidia-smi": 'case "$*" in -q) : >"$PROC_ROOT/../begun"; exec /bin/sleep 1000 ;; esac'})
    node.installs()
    node.environment["TMPDIR"] = str(temporary(node))
    file = node.folder / "report.tar.zst"
    with running(node, "collect", str(file)) as process:
        until((node.folder / "begun").exists)
        process.terminate()
        assert process.wait(timeout=30) == 143
    assert not file.exists()
    assert list(temporary(node).iterdir()) == []


def test_an_item_without_end_does_not_fill_the_disk(node: Node) -> None:
    make_image(node, programs={"nvidia-smi": 'case "$*" in -q) exec cat /dev/zero ;; esac'})
    node.installs()
    files = report(node)
    assert len(files["nvidia-smi.txt"]) <= 8 << 20
    assert "nvidia-smi.txt: failed with exit code" in files["errors.txt"]


def test_a_full_disk_has_its_own_exit_code(node: Node) -> None:
    node.stub("tar", "echo 'tar: -: Wrote only 4096 of 10240 bytes: No space left on device' >&2; exit 2")
    file = node.folder / "report.tar.zst"
    done = collect(node, str(file))
    assert done.returncode == 13
    assert f"the disk of {file} is full".encode() in done.stderr
    assert not file.exists()
    assert list(temporary(node).iterdir()) == []


@pytest.mark.parametrize("value", ["0", "-1", "soon", "1.5"])
def test_a_time_that_is_no_number_of_seconds_is_a_usage_error(node: Node, value: str) -> None:
    node.environment["COLLECT_SECONDS"] = value
    done = collect(node)
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"COLLECT_SECONDS={value} is not a whole number of seconds".encode() in done.stderr
