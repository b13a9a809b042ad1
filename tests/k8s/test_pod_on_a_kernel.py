"""The pod's containers, as the chart is rendered, on a node that boots the image's own kernel: from init to the end."""

import pytest

from lifecycle.planning.matrix import Combination
from tests.support.charts.installer_chart import COMBINATIONS, installer_of, rendered
from tests.support.charts.pods import write_pod
from tests.support.checkout import ROOT
from tests.support.machines.guest.machine import Boot
from tests.support.machines.guest.machine_parts import MachineParts

COMBINATION: Combination = COMBINATIONS[-1]
NAME = f"nvidia-installer-{COMBINATION.release}-{COMBINATION.branch}"
METRICS = "/var/lib/node_exporter/textfile_collector/nvidia-installer.prom"
FEATURES = "/etc/kubernetes/node-feature-discovery/features.d/nvidia-installer"


@pytest.fixture(scope="module")
def boot(parts: MachineParts, tmp_path_factory: pytest.TempPathFactory) -> Boot:
    chart = rendered(
        {
            "installers": [installer_of(COMBINATION)],
            "onTermination": "uninstall",
            # The machine has an NVSwitch, and Debian has no fabric manager for it.
            "fabricManager": "off",
            "moduleParameters": {"nvidia": ["NVreg_EnableGpuFirmware=0"]},
            "reports": {"metrics": {"enabled": True}, "nodeFeatures": {"enabled": True}},
            "env": {"POLL_SECONDS": 1},
        }
    )
    over = tmp_path_factory.mktemp("over")
    write_pod(chart, NAME, over / "pod")
    return parts.machine(COMBINATION, over=[over / "pod"]).boot("pod", ROOT / "build/node/pod", seconds=600)


def test_before_it_the_probe_fails_and_says_what_it_is_documented_to(boot: Boot) -> None:
    assert boot["probe before"].code == 30


def test_the_init_container_installs_and_the_probes_agree(boot: Boot) -> None:
    assert boot["init"].code == 0, boot["init"].text
    assert [boot[name].code for name in ("probe after init", "startup")] == [0, 0]
    assert {line.split()[0] for line in boot["modules"].lines if line} >= {"nvidia", "nvidia_uvm", "nvidia_modeset"}


def test_parameters_of_the_values_reach_the_module(boot: Boot) -> None:
    assert "EnableGpuFirmware: 0" in boot["parameters"].text


def test_reports_of_the_values_are_on_the_host(boot: Boot) -> None:
    assert "nvidia_installer_ready 1" in boot["reports"].text
    assert f"nvidia-installer.driver-version={COMBINATION.driver}" in boot["reports"].text


def test_the_pod_ends_on_the_signal_of_the_kubelet_and_the_driver_stays(boot: Boot) -> None:
    assert boot["end of the pod"].code == 0, boot["log of the driver"].text
    assert boot["probe of the next pod"].code == 0


def test_the_next_pod_has_nothing_to_do(boot: Boot) -> None:
    init = boot["init of the next pod"]

    assert (init.code, boot["startup of the next pod"].code) == (0, 0)
    assert "unpacking" not in init.text


def test_the_hook_leaves_nothing_loaded_and_nothing_on_the_host(boot: Boot) -> None:
    before, after = set(boot["listing before"].lines), set(boot["listing after"].lines)
    folders = {line for line in after - before if line.startswith("d ")}

    assert boot["preStop"].code == 0, boot["preStop"].text
    assert "nvidia" not in boot["loaded after"].text
    assert after - before == folders, after - before
    assert not [line for line in folders if "nvidia" in line]
