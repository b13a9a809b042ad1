"""Tests of the CDI specification in containers of real engines. The engines are newer than this machine's; there is no GPU."""

import pytest

from tests.support.machines.engine_workload import Run
from tests.support.machines.node_cdi import UUID

LIBRARIES = ("libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-ptxjitcompiler.so.1", "libnvidia-encode.so.1")


@pytest.mark.parametrize("name", ["all", "0", UUID])
def test_a_container_has_the_device_files(run: Run, name: str) -> None:
    found = run(
        [f"--device=nvidia.com/gpu={name}"],
        "stat",
        "--format=%n %t:%T",
        "/dev/nvidia0",
        "/dev/nvidiactl",
        "/dev/nvidia-uvm",
    )
    assert found.splitlines() == ["/dev/nvidia0 c3:0", "/dev/nvidiactl c3:ff", "/dev/nvidia-uvm ee:0"]


def test_programs_in_a_container_load_the_libraries(run: Run) -> None:
    run(["--device=nvidia.com/gpu=all"], "probe", *LIBRARIES)


def test_a_container_without_the_device_has_no_library(run: Run) -> None:
    with pytest.raises(AssertionError, match="libcuda"):
        run([], "probe", *LIBRARIES)


def test_nvidia_smi_finds_its_library(run: Run) -> None:
    with pytest.raises(AssertionError, match="couldn't communicate with the NVIDIA driver"):
        run(["--device=nvidia.com/gpu=all"], "nvidia-smi")


@pytest.mark.parametrize(
    "options", [["--read-only"], ["--user=1000:1000"], ["--read-only", "--user=1000:1000", "--cap-drop=all"]]
)
def test_a_container_with_few_rights_loads_them_too(run: Run, options: list[str]) -> None:
    run(["--device=nvidia.com/gpu=all", *options], "probe", *LIBRARIES)


def test_the_firmware_is_where_the_driver_looks(run: Run) -> None:
    found = run(["--device=nvidia.com/gpu=all"], "bash", "-c", "ls /lib/firmware/nvidia/*")
    assert "gsp_ga10x.bin" in found.split()


def test_a_container_cannot_change_the_driver(run: Run) -> None:
    with pytest.raises(AssertionError, match="Read-only file system"):
        run(["--device=nvidia.com/gpu=all"], "bash", "-c", "echo >>/usr/bin/nvidia-smi")
