"""The project's own component.yaml, and the lines in it that are there to be uncommented."""

import re
from pathlib import Path

import pytest

from lifecycle.config.component import Component, load_component
from lifecycle.config.image_versions import parse_image_versions
from lifecycle.config.sources.driver_sources import RedistributableDriver, RunfileDriver
from lifecycle.config.sources.package_sources import AptSource
from lifecycle.versions.edits import ProjectFiles, add_release, new_release
from lifecycle.yamledit.own_files import OwnFile
from tests.support.checkout import ROOT


def test_the_projects_own_component_is_well_formed() -> None:
    assert isinstance(load_component(ROOT / "component.yaml"), Component)


def uncommented(path: Path, first: str, count: int = 1) -> Component:
    """Load the project's own component.yaml with `count` lines uncommented, starting at the one with `first`."""
    lines = (ROOT / "component.yaml").read_text().splitlines()
    start = next(index for index, line in enumerate(lines) if first in line)
    for index in range(start, start + count):
        lines[index] = re.sub(r"^(\s*)# ", r"\1", lines[index])
    (path / "component.yaml").write_text("\n".join(lines))
    return load_component(path / "component.yaml")


def test_the_garden_linux_lines_are_ready_to_be_uncommented(tmp_path: Path) -> None:
    read = uncommented(tmp_path, "{name: gardenlinux-1592.10,")
    source = read.source_of("gardenlinux-1592.10")

    assert isinstance(source, AptSource)
    assert [(r.suite, r.label) for r in source.repositories] == [
        ("1592.10", "https://packages.gardenlinux.io/gardenlinux")
    ]


def test_the_lines_of_nvidias_own_installer_are_ready_to_be_uncommented(tmp_path: Path) -> None:
    source = uncommented(tmp_path, "# 580:", 6).sources.drivers["580"]

    assert isinstance(source, RunfileDriver)
    assert source.url.endswith("/{version}/NVIDIA-Linux-{arch}-{version}.run")
    assert source.url.startswith(str(source.versions))
    assert str(source.fabric_manager).endswith("/{platform}/fabricmanager-{platform}-{version}-archive.tar.xz")


def test_the_lines_of_redistributable_archives_are_ready_to_be_uncommented(tmp_path: Path) -> None:
    source = uncommented(tmp_path, "# 590:", 4).sources.drivers["590"]

    assert isinstance(source, RedistributableDriver)
    assert (source.page, source.fabric_manager) == (f"{source.url}/", True)


@pytest.mark.parametrize("version", ["1592.10", "1877.3"])
def test_a_garden_linux_version_is_added_without_naming_its_builder(version: str) -> None:
    component = OwnFile((ROOT / "component.yaml").read_text(), "component.yaml")
    files = ProjectFiles(component=component, images=(ROOT / "image_versions").read_text())
    new = new_release(f"gardenlinux-{version}", channel="canary", kernel="newest", flavour="cloud")
    builder = parse_image_versions(add_release(files, new, builder="", date="").images, file="").builder(new.name)

    assert builder.reference == f"ghcr.io/gardenlinux/gardenlinux/kmodbuild:amd64-{version}"
