"""The files of this project: component.yaml, image_versions, versions.lock, the packages, the patches and the costs."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given

from lifecycle.config.component import load_component
from lifecycle.config.costs import load_costs
from lifecycle.config.image_versions import load_image_versions
from lifecycle.config.lock import Lock
from lifecycle.config.patches import load_patches
from lifecycle.config.sources.packages import load_package_list
from lifecycle.config.versions import VersionRange
from tests.fuzz.harness import FUZZ, judge, mutated, mutated_bytes
from tests.support.builders.projects import COMPONENT, lock
from tests.support.checkout import ROOT

OWN = (ROOT / "component.yaml").read_text()
COSTS = (ROOT / "costs.yaml").read_text()
IMAGES = (ROOT / "image_versions").read_text()
SERIES = """\
patches:
  - {file: a.patch, driverVersion: "535.*", moduleType: open, kernel: ">=6.1,<6.2 | >6.12", reason: because it is a test}
"""


@FUZZ
@given(mutated_bytes(COMPONENT, OWN))
@example(b"a: " + b"[" * 100_000)
@example(b'name: "\\0"\n"\\e": 1\n')
def test_component_yaml_never_ends_in_a_traceback(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "component.yaml"
        path.write_bytes(content)
        judge(lambda: load_component(path))


@FUZZ
@given(mutated_bytes(IMAGES))
@example(b"\xef\xbb\xbfRUNTIME=a\n")
@example("RUNTIME=a".encode("utf-16"))
def test_image_versions_never_end_in_a_traceback(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "image_versions"
        path.write_bytes(content)
        judge(lambda: load_image_versions(path))


@FUZZ
@given(mutated_bytes(lock().dump()))
def test_versions_lock_never_ends_in_a_traceback(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "versions.lock"
        path.write_bytes(content)
        judge(lambda: Lock.load(path))


@FUZZ
@given(mutated_bytes(SERIES))
def test_the_series_of_patches_never_ends_in_a_traceback(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "a.patch").touch()
        (Path(folder) / "series.yaml").write_bytes(content)
        judge(lambda: load_patches(Path(folder)))


@FUZZ
@given(mutated_bytes(COSTS))
def test_costs_yaml_never_ends_in_a_traceback(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "costs.yaml"
        path.write_bytes(content)
        judge(lambda: load_costs(path).compile("535", [], asked=False))


@FUZZ
@given(mutated_bytes("gcc\nlibstdc++6 [amd64]  # why\n-dpkg\n"))
def test_a_list_of_packages_never_ends_in_a_traceback(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "packages"
        path.write_bytes(content)
        judge(lambda: load_package_list(path))


@FUZZ
@given(mutated(">=6.1.190,<6.2 | >=6.12.97"))
def test_a_range_of_versions_never_ends_in_a_traceback(text: str) -> None:
    def read() -> None:
        with suppress(ValueError):
            assert "6.1.192" in VersionRange.parse(f"{text} | ==6.1.192")

    judge(read)


def test_a_reader_that_raises_anything_else_fails() -> None:
    with pytest.raises(KeyError):
        judge(lambda: {"there": 1}["missing"])
