"""The kernel modules of every image: there, for this kernel, of this driver, and accepted by the kernel's own rules."""

from dataclasses import replace

from lifecycle.checks.fit import check_modules
from lifecycle.checks.kernel_module import read_module
from lifecycle.checks.symvers import Symvers
from lifecycle.config.schema import ModuleType
from lifecycle.planning.locked_project import LockedProject
from lifecycle.tools.labels import LABEL_KERNEL, LABEL_VERMAGIC
from tests.support.expectations import expectation
from tests.support.machines.installer import Installer

MODULES = ["nvidia-drm.ko", "nvidia-modeset.ko", "nvidia-peermem.ko", "nvidia-uvm.ko", "nvidia.ko"]


def types(installer: Installer) -> tuple[ModuleType, ...]:
    return installer.combination.module_types


def test_every_module_is_there(installer: Installer) -> None:
    assert {t: installer.module_names(t) for t in types(installer)} == dict.fromkeys(types(installer), MODULES)


def test_modules_are_for_the_architecture(installer: Installer) -> None:
    found = {read_module(path).architecture for t in types(installer) for path in installer.modules(t)}

    assert found == {str(installer.combination.architecture)}


def test_modinfo_says_the_kernel_release_of_label_and_manifest(installer: Installer) -> None:
    for module_type in types(installer):
        command = "find %s/lib/modules -name '*.ko' -exec modinfo -F vermagic {} ';'"
        lines = installer.host.check_output(command, installer.tree(module_type)).splitlines()
        found = {line.strip() for line in lines}

        assert found == {installer.labels[LABEL_VERMAGIC]} == {installer.manifest["vermagic"]}
        assert {vermagic.split()[0] for vermagic in found} == {installer.combination.kernel}


def test_label_manifest_and_tag_name_one_kernel(installer: Installer) -> None:
    kernel = installer.combination.kernel

    assert installer.labels[LABEL_KERNEL] == kernel
    assert installer.manifest["kernel_release"] == kernel
    assert kernel.replace("+", "-") in installer.manifest["image_tag"]


def test_the_kernel_accepts_every_imported_symbol(
    installer: Installer, symvers: Symvers, project: LockedProject
) -> None:
    expected = replace(expectation(installer.combination, symvers), signer=project.signer)
    for module_type in types(installer):
        findings = check_modules([read_module(path) for path in installer.modules(module_type)], expected)

        assert [f"{finding.module}: {finding.message}" for finding in findings] == []


def test_no_module_carries_debug_info(installer: Installer) -> None:
    carrying = [p.name for t in types(installer) for p in installer.modules(t) if read_module(p).has_debug_info]

    assert carrying == []
