"""The kernel modules of every image: there, for this kernel, of this driver, and accepted by the kernel's own rules."""

import os
from dataclasses import replace

import pytest

from lifecycle.checks.fit import Expectation, check_modules
from lifecycle.checks.kernel_module import read_module
from lifecycle.checks.symvers import Symvers, symvers_of_headers
from lifecycle.model.matrix import Combination
from lifecycle.model.project import Project
from lifecycle.model.schema import ModuleType
from lifecycle.tools.labels import LABEL_KERNEL, LABEL_VERMAGIC
from lifecycle.tools.store import Store, default_cache_dir
from tests.images.conftest import Installer

MODULES = ["nvidia-drm.ko", "nvidia-modeset.ko", "nvidia-peermem.ko", "nvidia-uvm.ko", "nvidia.ko"]


@pytest.fixture(scope="session")
def symvers(combination: Combination, project: Project) -> Symvers:
    """The Module.symvers of the kernel's own headers package, as the lock names it."""
    headers = project.lock.kernels[f"{combination.release}/{combination.architecture}"].headers
    store = Store(default_cache_dir(os.environ))
    return symvers_of_headers(
        {file.name: store.blob(file.sha256) for file in headers if file.name.endswith(combination.kernel)}
    )


def expectation(combination: Combination, symvers: Symvers) -> Expectation:
    return Expectation(
        symvers=symvers,
        kernel_release=combination.kernel,
        architecture=combination.architecture,
        driver_version=combination.driver,
    )


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


def test_the_kernel_accepts_every_imported_symbol(installer: Installer, symvers: Symvers, project: Project) -> None:
    expected = replace(expectation(installer.combination, symvers), signer=project.signer)
    for module_type in types(installer):
        findings = check_modules([read_module(path) for path in installer.modules(module_type)], expected)

        assert [f"{finding.module}: {finding.message}" for finding in findings] == []


def test_no_module_carries_debug_info(installer: Installer) -> None:
    carrying = [p.name for t in types(installer) for p in installer.modules(t) if read_module(p).has_debug_info]

    assert carrying == []
