"""`sources` of component.yaml."""

import re
from pathlib import Path

import pytest

from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import DirectorySource, SwiftSource
from tests.support.builders.projects import COMPONENT, component, problems

FAMILY = (
    "  drivers:\n    535",
    "    gl-*: {kind: swift, container: c, prefix: '{version}/'}\n  drivers:\n    535",
)


def test_a_family_is_the_source_of_all_of_its_releases() -> None:
    read = component(FAMILY, ("{name: old-1,", "{name: gl-1592.10,"))

    assert read.source_of("gl-1592.10") == SwiftSource(kind="swift", container="c", prefix="1592.10/")
    assert read.sources.release("gm-1") is None


def test_an_entry_of_its_own_goes_before_the_familys() -> None:
    own = ("    new-2:\n", "    gl-1: {kind: directory, path: debs}\n    new-2:\n")

    assert component(FAMILY, own).sources.release("gl-1") == DirectorySource(kind="directory", path="debs")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{kind: ftp, release: old-1}", "sources.drivers.535: unknown kind 'ftp': write one of 'packages', 'runfile'"),
        ("{release: old-1}", "sources.drivers.535: the key 'kind' is missing: add it"),
        ("{kind: runfile, url: 'https://x/a.run'}", "lacks the version: write {version} in its place"),
        (
            "{kind: runfile, url: 'ftp://x/{version}.run'}",
            "ftp:// is not supported: write https://…, swift:container",
        ),
        (
            "{kind: runfile, url: 'https://x/{version}/{archh}.run'}",
            "url: unknown placeholder {archh}: did you mean {arch}?",
        ),
        ("{kind: runfile, url: 'swift:{version}.run'}", "names no object: write swift:container/object"),
        ("{kind: packages}", "sources.drivers.535.release: this key is missing: add it"),
    ],
)
def test_a_source_of_a_driver_that_is_none_is_named(tmp_path: Path, source: str, said: str) -> None:
    (problem,) = problems(tmp_path, COMPONENT.replace("{kind: packages, release: old-1}", source))

    assert said in problem


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{kind: scp}", "sources.releases.old-1: unknown kind 'scp': write one of 'apt', 'swift', 'directory'"),
        (
            "{kind: swift, container: a/b}",
            "sources.releases.old-1.container: 'a/b' is not the name of a container: ",
        ),
        (
            "{kind: swift, container: c, prefix: '{version}/'}",
            "prefix: {version} is replaced by nothing here: write the",
        ),
        ("{kind: directory, path: '{vresion'}", "path: '{vresion' has a brace too many or too few"),
        ("{kind: swift, container: c, prefixx: p}", "unknown key; did you mean 'prefix'?"),
    ],
)
def test_a_source_of_a_release_that_is_none_is_named(tmp_path: Path, source: str, said: str) -> None:
    text = re.sub(r"old-1:\n.*\n.*\n", f"old-1: {source}\n", COMPONENT)
    (problem,) = problems(tmp_path, text)

    assert said in problem


BUILDER = (
    "  drivers:\n    535",
    "    gl-*: {kind: directory, path: d, builder: 'reg.example/kmodbuild:{architecture}-{version}'}\n  drivers:\n    535",
)


@pytest.mark.parametrize(("release", "builder"), [("gl-7.1", "reg.example/kmodbuild:arm64-7.1"), ("old-1", None)])
def test_a_source_names_the_builder_of_its_releases(release: str, builder: str | None) -> None:
    assert component(BUILDER).sources.builder(release, Architecture.ARM64) == builder


@pytest.mark.parametrize(
    ("name", "builder", "said"),
    [
        (
            "gl-*",
            "reg/k:{versoin}",
            "sources.releases.gl-*.builder: unknown placeholder {versoin}: did you mean {version}?",
        ),
        ("gl-*", "reg/k:{version", "builder: 'reg/k:{version' is not an image: write registry/name:tag"),
        (
            "gl-*",
            "https://reg/k",
            "is not an image: write registry/name:tag (with {version} for a family), or bootstrap:",
        ),
        ("gl-1", "reg/k:{version}", "unknown placeholder {version}: write one of {architecture}"),
    ],
)
def test_a_builder_that_is_no_image_is_named(tmp_path: Path, name: str, builder: str, said: str) -> None:
    entry = f"    {name}: {{kind: directory, path: d, builder: '{builder}'}}\n"

    (problem,) = problems(tmp_path, COMPONENT.replace("  drivers:\n    535", f"{entry}  drivers:\n    535"))
    assert said in problem
