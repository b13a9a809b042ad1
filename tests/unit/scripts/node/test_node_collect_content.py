"""Tests of the content of the archive of `nvidia-installer collect`: what is in it, and what must not be."""

import json
import os

import pytest

from tests.support.machines.node_collect import report
from tests.support.machines.node_host import DRIVER, H100_SWITCH, NAME, Node
from tests.support.machines.node_report import FAILURE, FEATURES, METRICS, on

PRIVATE = "hunter2"


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
