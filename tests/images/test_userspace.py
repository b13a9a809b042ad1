"""The driver's user space in every image: one version through everything, and nothing missing at run time."""

import re

from lifecycle.tools.labels import LABEL_DRIVER
from tests.support.machines.installer import Installer

# Debian versions these on their own; they talk to the driver by interfaces that outlive a version.
COMPANIONS = {"nvidia-modprobe", "nvidia-persistenced"}
# What every driver has; newer ones bring more.
LIBRARIES = {
    "libcuda",
    "libcudadebugger",
    "libnvcuvid",
    "libnvidia-cfg",
    "libnvidia-encode",
    "libnvidia-ml",
    "libnvidia-nvvm",
    "libnvidia-opencl",
    "libnvidia-opticalflow",
    "libnvidia-pkcs11-openssl3",
    "libnvidia-ptxjitcompiler",
}
# Debian has it for one architecture only.
ELSEWHERE_ABSENT = {"arm64": {"libnvidia-pkcs11-openssl3"}}
# Named by their interface's version, not by the driver's: NVIDIA's README, "Installed Components"; fabric manager's library.
OWN_VERSIONS = {"libnvidia-nvvm70", "libnvfm"}
# nvidia-cuda-mps-server is only a starter of libcuda and does not say a version.
VERSIONED = {"nvidia-smi", "nvidia-cuda-mps-control"}
TOOLS = {"nvidia-cuda-mps-server", *VERSIONED, *COMPANIONS}


def tree(installer: Installer) -> str:
    return installer.tree(installer.combination.module_types[0])


def names(installer: Installer, command: str) -> set[str]:
    return set(installer.host.check_output(command, tree(installer)).split())


def test_every_library_is_there_with_the_drivers_version_in_its_name(installer: Installer) -> None:
    found = names(installer, "find %s/lib -maxdepth 1 -type f -name '*.so.*' -printf '%%f '")
    versions = {name: version for name, _, version in (file.partition(".so.") for file in found)}
    wanted = LIBRARIES - ELSEWHERE_ABSENT.get(str(installer.combination.architecture), set())

    assert wanted - versions.keys() == set()
    assert {n for n, v in versions.items() if v != installer.combination.driver} <= OWN_VERSIONS


def test_every_library_link_leads_to_a_library(installer: Installer) -> None:
    assert names(installer, "find %s -xtype l -printf '%%f '") == set()


def test_every_tool_is_there_and_executable(installer: Installer) -> None:
    assert TOOLS - names(installer, "find %s/bin -type f -perm -111 -printf '%%f '") == set()
    assert names(installer, "find %s/bin -type f -not -perm -111 -printf '%%f '") == set()


def test_the_tools_are_of_the_drivers_version(installer: Installer) -> None:
    host, driver, folder = installer.host, installer.combination.driver, f"{tree(installer)}/bin"
    found = {tool for tool in VERSIONED if host.run("grep -q -a -F %s %s", driver, f"{folder}/{tool}").rc == 0}

    assert found == VERSIONED


def test_every_shared_object_and_tool_finds_its_libraries(installer: Installer) -> None:
    script = (
        "cd %s && export LD_LIBRARY_PATH=$PWD/lib && "
        'find lib bin -maxdepth 1 -type f -print | while read -r file; do ldd "$file" 2>&1 | sed "s|^|$file: |"; done'
    )
    output = installer.host.check_output(script, tree(installer))

    assert "libc.so.6 =>" in output
    assert [line for line in output.splitlines() if "not found" in line] == []


def test_firmware_is_of_the_drivers_version_and_what_the_module_asks_for(installer: Installer) -> None:
    firmware = names(installer, "cd %s/lib/firmware && find . -type f -printf '%%P '")
    folder = f"nvidia/{installer.combination.driver}"
    asked = {
        name
        for module_type in installer.combination.module_types
        for name in installer.host.check_output(
            "modinfo -F firmware %s",
            f"{installer.tree(module_type)}/lib/modules/{installer.combination.kernel}/kernel/drivers/video/nvidia/nvidia.ko",
        ).split()
    }

    assert {f"{folder}/gsp_ga10x.bin", f"{folder}/gsp_tu10x.bin"} <= firmware
    assert {re.sub(r"/[^/]*$", "", name) for name in firmware} == {folder}
    assert asked <= firmware


def test_label_and_manifest_name_the_driver(installer: Installer) -> None:
    assert installer.labels[LABEL_DRIVER] == installer.combination.driver
    assert installer.manifest["driver_version"] == installer.combination.driver
