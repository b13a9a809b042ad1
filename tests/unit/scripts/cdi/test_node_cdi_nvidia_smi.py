"""Tests of the CDI devices that procfs does not name: MIG devices, and GPUs that no program has used yet."""

import pytest

from tests.support.machines.node_cdi import OTHER_UUID, UUID, devices
from tests.support.machines.node_host import Node
from tests.support.machines.node_image import make_image

UUIDS = (UUID, OTHER_UUID)
MIG_UUIDS = ("MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f", "MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb")
# Output of nvidia-smi 550 for two A100, of which the second one has two MIG devices; elements that do not matter are left out.
LIST = f"""\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: {UUIDS[0]})
GPU 1: NVIDIA A100-SXM4-40GB (UUID: {UUIDS[1]})
  MIG 3g.20gb     Device  0: (UUID: {MIG_UUIDS[0]})
  MIG 1g.5gb      Device  1: (UUID: {MIG_UUIDS[1]})
"""
TABLE = f"""\
<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
\t<attached_gpus>2</attached_gpus>
\t<gpu id="00000000:3B:00.0">
\t\t<mig_mode>
\t\t\t<current_mig>Disabled</current_mig>
\t\t</mig_mode>
\t\t<mig_devices>
\t\t\tNone
\t\t</mig_devices>
\t\t<uuid>{UUIDS[0]}</uuid>
\t\t<minor_number>3</minor_number>
\t\t<processes>
\t\t\t<process_info>
\t\t\t\t<gpu_instance_id>N/A</gpu_instance_id>
\t\t\t\t<compute_instance_id>N/A</compute_instance_id>
\t\t\t</process_info>
\t\t</processes>
\t</gpu>

\t<gpu id="00000000:86:00.0">
\t\t<mig_mode>
\t\t\t<current_mig>Enabled</current_mig>
\t\t</mig_mode>
\t\t<mig_devices>
\t\t\t<mig_device>
\t\t\t\t<index>0</index>
\t\t\t\t<gpu_instance_id>2</gpu_instance_id>
\t\t\t\t<compute_instance_id>0</compute_instance_id>
\t\t\t</mig_device>
\t\t\t<mig_device>
\t\t\t\t<index>1</index>
\t\t\t\t<gpu_instance_id>9</gpu_instance_id>
\t\t\t\t<compute_instance_id>0</compute_instance_id>
\t\t\t</mig_device>
\t\t</mig_devices>
\t\t<uuid>{UUIDS[1]}</uuid>
\t\t<minor_number>1</minor_number>
\t\t<processes>
\t\t\t<process_info>
\t\t\t\t<gpu_instance_id>9</gpu_instance_id>
\t\t\t\t<compute_instance_id>0</compute_instance_id>
\t\t\t</process_info>
\t\t</processes>
\t</gpu>

</nvidia_smi_log>
"""


@pytest.fixture
def partitioned(node: Node) -> Node:
    """Return a node with two A100, of which the second one is divided into two MIG devices."""
    gpus = node.proc / "driver/nvidia/gpus"
    (gpus / "0000:3b:00.0/information").write_text(f"GPU UUID: \t {UUIDS[0]}\nDevice Minor: \t 3\n")
    (gpus / "0000:86:00.0").mkdir()
    (gpus / "0000:86:00.0/information").write_text(f"GPU UUID: \t {UUIDS[1]}\nDevice Minor: \t 1\n")
    node.add_to_bus("0000:86:00.0", "20b0")
    capabilities = node.proc / "driver/nvidia/capabilities"
    for path, minor in {"gpu1/mig/gi2": 21, "gpu1/mig/gi2/ci0": 22, "gpu1/mig/gi9": 84, "gpu1/mig/gi9/ci0": 85}.items():
        (capabilities / path).mkdir(parents=True)
        (capabilities / path / "access").write_text(f"DeviceFileMinor: {minor}\nDeviceFileMode: 292\n")
    (node.folder / "table.xml").write_text(TABLE)
    (node.folder / "list.txt").write_text(LIST)
    answer = f'case "$*" in "-q -x") cat {node.folder}/table.xml ;; -L) cat {node.folder}/list.txt ;; "") ;; *) exit 2 ;; esac'
    make_image(node, programs={"nvidia-smi": f'[ -z "${{SMI_FAILS:-}}" ] || [ -z "$*" ] || exit 9\n{answer}'})
    return node


FIRST, SECOND = (
    ["/dev/nvidia1", *(f"/dev/nvidia-caps/nvidia-cap{minor}" for minor in pair)] for pair in ((21, 22), (84, 85))
)


def test_each_mig_device_has_its_index_and_uuid(partitioned: Node) -> None:
    partitioned.installs()
    found = devices(partitioned)
    assert found["1:0"] == found[MIG_UUIDS[0]] == FIRST
    assert found["1:1"] == found[MIG_UUIDS[1]] == SECOND


def test_a_partitioned_gpu_itself_is_no_device(partitioned: Node) -> None:
    partitioned.installs()
    found = devices(partitioned)
    assert "1" not in found
    assert UUIDS[1] not in found
    assert found["0"] == found[UUIDS[0]] == ["/dev/nvidia3"]


def test_the_name_all_has_gpus_and_mig_devices(partitioned: Node) -> None:
    partitioned.installs()
    assert sorted(devices(partitioned)["all"]) == sorted({*FIRST, *SECOND, "/dev/nvidia3"})


def test_a_gpu_whose_uuid_procfs_does_not_know_has_that_of_nvidia_smi(partitioned: Node) -> None:
    information = partitioned.proc / "driver/nvidia/gpus/0000:3b:00.0/information"
    information.write_text("GPU UUID: \t GPU-????????-????-????-????-????????????\nDevice Minor: \t 3\n")
    partitioned.installs()
    assert devices(partitioned)[UUIDS[0]] == ["/dev/nvidia3"]


def test_without_nvidia_smi_gpus_have_their_index(partitioned: Node) -> None:
    partitioned.environment["SMI_FAILS"] = "yes"
    said = partitioned.installs()
    assert "nvidia-smi cannot list the GPUs" in said
    assert devices(partitioned)["0"] == ["/dev/nvidia3"]


@pytest.mark.parametrize("value", ['"/><x', "../../etc", "GPU-\u00e9", ""])
def test_a_uuid_that_is_none_is_left_out(partitioned: Node, value: str) -> None:
    table = partitioned.folder / "table.xml"
    table.write_text(table.read_text().replace(UUIDS[0], value))
    partitioned.installs()
    assert set(devices(partitioned)) == {"1:0", "1:1", *MIG_UUIDS, "all"}


def test_a_mig_device_without_its_capability_is_left_out(partitioned: Node) -> None:
    (partitioned.proc / "driver/nvidia/capabilities/gpu1/mig/gi9/ci0/access").unlink()
    partitioned.installs()
    assert "1:1" not in devices(partitioned)
    assert "1:0" in devices(partitioned)
