"""The kernel modules of every image: there, for this kernel, of this driver, and accepted by the kernel's own rules."""

import io
import os
import subprocess
import tarfile

import pytest

from lifecycle.checks.fit import Expectation, check_modules
from lifecycle.checks.kernel_module import read_module
from lifecycle.checks.symvers import Symvers, read_symvers
from lifecycle.model.component import ModuleType
from lifecycle.model.matrix import Combination
from lifecycle.model.project import Project
from lifecycle.tools.labels import LABEL_KERNEL, LABEL_VERMAGIC
from lifecycle.tools.store import Store, default_cache_dir
from tests.images.conftest import Installer

MODULES = ["nvidia-drm.ko", "nvidia-modeset.ko", "nvidia-peermem.ko", "nvidia-uvm.ko", "nvidia.ko"]


@pytest.fixture(scope="session")
def symvers(combination: Combination, project: Project, tmp_path_factory: pytest.TempPathFactory) -> Symvers:
    """The Module.symvers of the kernel's own headers package, as the lock names it."""
    kernel = project.lock.kernels[f"{combination.release}/{combination.architecture}"]
    headers = next(file for file in kernel.headers if file.name.endswith(combination.kernel))
    deb = Store(default_cache_dir(os.environ)).blob(headers.sha256)
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(deb)], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        member = archive.extractfile(f"./usr/src/linux-headers-{combination.kernel}/Module.symvers")
        assert member is not None
        path = tmp_path_factory.mktemp("headers") / "Module.symvers"
        path.write_bytes(member.read())
    return read_symvers(path)


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


def test_the_kernel_accepts_every_imported_symbol(installer: Installer, symvers: Symvers) -> None:
    expected = Expectation(
        symvers=symvers,
        kernel_release=installer.combination.kernel,
        architecture=installer.combination.architecture,
        driver_version=installer.combination.driver,
    )
    for module_type in types(installer):
        findings = check_modules([read_module(path) for path in installer.modules(module_type)], expected)

        assert [f"{finding.module}: {finding.message}" for finding in findings] == []


def test_no_module_carries_debug_info(installer: Installer) -> None:
    carrying = [p.name for t in types(installer) for p in installer.modules(t) if read_module(p).has_debug_info]

    assert carrying == []
