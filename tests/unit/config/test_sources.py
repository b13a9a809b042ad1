"""`sources` of component.yaml."""

import re
from pathlib import Path

import pytest

from lifecycle.config.component import load_component
from lifecycle.config.package_sources import DirectorySource, SwiftSource
from lifecycle.errors import ConfigurationError
from tests.support.builders.projects import COMPONENT, component


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "component.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_component(path)
    return list(caught.value.problems)


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
