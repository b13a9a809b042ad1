import json
from dataclasses import replace

import pytest

from lifecycle.attest.contents import ImageContents, ImageFile
from lifecycle.attest.inventory import MANIFEST, SoftwareComponent, components_of
from lifecycle.config.patches import Patch
from lifecycle.config.schema import ModuleType
from lifecycle.planning.matrix import ModulePatch
from tests.support.builders.projects import project

PROJECT = project(patch_digests={"fix.patch": "f" * 64})
# The second driver of the second release, with both module types, and a patch of one of them.
COMBINATION = replace(
    PROJECT.matrix.combinations[3],
    patches=(ModulePatch(patch=Patch(file="fix.patch", reason="6.12 needs it"), module_type=ModuleType.OPEN),),
)
_HOME = "opt/nvidia-installer"
_STANZA = "Package: {}\nVersion: {}\nArchitecture: amd64\nMaintainer: Somebody\n"
TEXTS = {
    MANIFEST: json.dumps(
        {
            "userspace": {"files": {"bin/nvidia-smi": "1" * 64, "lib/firmware/gsp.bin": "2" * 64, "lib/a.so": "-> b"}},
            "module_types": {
                "open": {
                    "files": {"lib/nvidia.ko": "3" * 64},
                    "patches": [{"file": "fix.patch", "reason": "6.12 needs it"}],
                },
                "proprietary": {"files": {"lib/nvidia.ko": "4" * 64}, "patches": []},
            },
        }
    ),
    "usr/lib/os-release": "ID=debian\nVERSION_ID=13\n",
    # The base of the project has this package, in this version.
    "var/lib/dpkg/status.d/gcc-for-RUNTIME": _STANZA.format("gcc-for-RUNTIME", "1"),
    "var/lib/dpkg/status.d/gcc-for-RUNTIME.md5sums": "d41d  usr/lib/os-release\n",
}
FILES = [
    *TEXTS,
    "etc/ld.so.cache",
    f"{_HOME}/bin/nvidia-installer",
    f"{_HOME}/userspace.tar.zst",
    f"{_HOME}/modules-open.tar.zst",
    f"{_HOME}/modules-proprietary.tar.zst",
]


def found(*more: str) -> dict[str, SoftwareComponent]:
    files = {path: ImageFile(size=1, sha256="0" * 64) for path in [*FILES, *more]}
    contents = ImageContents(config={}, files=files, links={}, texts=TEXTS)
    return {component.key: component for component in components_of(PROJECT, COMBINATION, contents)}


def test_each_file_belongs_to_exactly_one_component() -> None:
    owned = [path for component in found("etc/stray").values() for path in component.files]

    assert sorted(owned) == sorted([*FILES, "etc/stray"])


def test_a_debian_package_has_the_digest_of_its_locked_file() -> None:
    package = found()["deb-gcc-for-RUNTIME"]

    assert [file.sha256 for file in package.packages] == [PROJECT.lock.bases["RUNTIME"].packages[0].sha256]
    assert package.purl == "pkg:deb/debian/gcc-for-RUNTIME@1?arch=amd64&distro=debian-13"


@pytest.mark.parametrize(
    ("key", "packed"),
    [
        ("driver", {"bin/nvidia-smi": "1" * 64}),
        ("firmware", {"lib/firmware/gsp.bin": "2" * 64}),
        ("modules-open", {"lib/nvidia.ko": "3" * 64}),
        ("modules-proprietary", {"lib/nvidia.ko": "4" * 64}),
    ],
)
def test_the_drivers_components_have_the_files_of_its_archives(key: str, packed: dict[str, str]) -> None:
    assert found()[key].packed == packed


def test_only_the_open_modules_are_free_software() -> None:
    assert found()["modules-open"].licence == "MIT OR GPL-2.0-only"
    assert {found()[key].licence for key in ("driver", "firmware", "modules-proprietary")} == {
        "LicenseRef-NVIDIA-Driver"
    }


def test_a_patch_belongs_to_the_modules_that_it_was_applied_to() -> None:
    assert [patch.sha256 for patch in found()["modules-open"].patches] == ["f" * 64]
    assert found()["modules-proprietary"].patches == []


def test_files_of_no_package_are_listed_as_such() -> None:
    assert "unowned" not in found()
    assert list(found("etc/stray")["unowned"].files) == ["etc/stray"]
