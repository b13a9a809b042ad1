"""Edits of values files as other people write them: see the folder values/."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.events import YamlNode
from lifecycle.yamledit.key_path import Index, Key, KeyPath, Segment
from lifecycle.yamledit.lookup_errors import AmbiguousKeyError, MissingKeyError
from lifecycle.yamledit.own_files import NotEditableError
from lifecycle.yamledit.values_file import ValuesFile

FOLDER = Path(__file__).with_name("values")
NAMES = sorted(path.name for path in FOLDER.iterdir())
# All that YAML may hold on a line (YAML 1.2.2, 5.1), and what has a meaning of its own somewhere.
MEANINGFUL = (
    """~ null yes 1592.10 550 007 1e3 0x1F 0o17 1:20 2026-11-24 - ' " \\ { [ *a &a !t | % @ ` = << sha256:00 5-6+deb"""
)
values = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"])),
    st.sampled_from(["", " ", "- a", "a: b", "# c", "a #b", *MEANINGFUL.split()]),
)


def file(name: str) -> ValuesFile:
    return ValuesFile((FOLDER / name).read_bytes().decode(), name)


def leaves(node: YamlNode, at: tuple[Segment, ...] = ()) -> Iterator[tuple[KeyPath, YamlNode]]:
    """Yield the paths and nodes of all single-line scalar values below a node."""
    if node.kind in ("scalar", "alias") and node.style not in ("|", ">") and at:
        yield KeyPath(at), node
    segments: list[Segment] = (
        [Key(key) for key in node.keys] if node.keys else [Index(n) for n in range(len(node.children))]
    )
    for segment, child in zip(segments, node.children, strict=True):
        yield from leaves(child, (*at, segment))


PLACES = [(name, path) for name in NAMES for document in file(name).stream.documents for path, _ in leaves(document)]
# What two documents have is not to be set without saying which.
PLACES = [place for place in PLACES if PLACES.count(place) == 1]


def said(text: str) -> list[object]:
    """Return the documents of a text as PyYAML reads them, which is not our reader; every value is its text."""
    return list(yaml.load_all(text, Loader=yaml.BaseLoader))


@given(place=st.sampled_from(PLACES), value=values)
def test_an_edit_says_what_was_wanted_and_changes_one_line(place: tuple[str, KeyPath], value: str) -> None:
    before = file(place[0])
    after = before.set(place[1], value)
    old, new = before.text.splitlines(keepends=True), after.text.splitlines(keepends=True)

    assert after.get(place[1]) == value
    assert len(old) == len(new)
    assert sum(a != b for a, b in zip(old, new, strict=True)) <= 1


@given(place=st.sampled_from([place for place in PLACES if place[0] != "anchors.yaml"]), value=values)
def test_another_reader_finds_the_value_and_nothing_else_changed(place: tuple[str, KeyPath], value: str) -> None:
    before = file(place[0])
    wanted = said(before.text)
    node: object = next(d for d in wanted if put(d, place[1], value))
    assert node is not None

    assert said(before.set(place[1], value).text) == wanted


def put(document: object, path: KeyPath, value: str) -> bool:
    """Set a value in what PyYAML made of a document; whether it has the place."""
    *parents, last = [s.name if isinstance(s, Key) else s.number for s in path.segments if isinstance(s, Key | Index)]
    try:
        for part in parents:
            document = document[part]  # type: ignore[index]
        document[last]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        return False
    document[last] = value  # type: ignore[index]
    return True


@given(place=st.sampled_from(PLACES), value=values)
def test_setting_the_old_value_again_says_the_same_as_before(place: tuple[str, KeyPath], value: str) -> None:
    before = file(place[0])
    old = before.get(place[1])
    assert old is not None
    if not old.startswith("*"):
        assert said(before.set(place[1], value).set(place[1], old).text) == said(before.text)


@given(place=st.sampled_from(PLACES))
def test_what_is_there_already_leaves_the_file_as_it_is(place: tuple[str, KeyPath]) -> None:
    before = file(place[0])
    old = before.get(place[1])
    assert old is not None
    if not old.startswith("*"):
        assert before.set(place[1], old).text == before.text


def line(name: str, path: str, value: str) -> str:
    """Return the one line that an edit writes, without its indentation."""
    before = file(name)
    after = before.set(KeyPath.parse(path), value).text
    (changed,) = (
        text[2:] for text in difflib.ndiff(before.text.splitlines(), after.splitlines()) if text.startswith("+ ")
    )
    return changed.strip()


@pytest.mark.parametrize(
    ("name", "path", "value", "written"),
    [
        ("helm.yaml", "nvidiaInstaller.installerTag", "580.1", "installerTag: '580.1'"),
        ("helm.yaml", "nvidiaInstaller.installerDigest", "sha256:1", 'installerDigest: "sha256:1"'),
        ("helm.yaml", "nvidiaInstaller.installerImage", "r/i", "installerImage:   r/i   # aligned by hand"),
        ("helm.yaml", "nvidiaInstaller.resources.limits.cpu", "1", 'resources: {limits: {memory: 256Mi, cpu: "1"}}'),
        ("helm.yaml", "nvidiaDevicePlugin.osVersion", "1592.20", 'osVersion: "1592.20"'),
        ("helm.yaml", "nvidiaDevicePlugin.nvidiaDriverVersion", "580.105.08", "nvidiaDriverVersion: 580.105.08"),
        ("helm.yaml", 'nvidiaDevicePlugin.annotations."checksum/config"', "sha256:ab", "checksum/config: sha256:ab"),
        ("anchors.yaml", "x-defaults.registry", "r.example", "registry: &registry r.example"),
        ("anchors.yaml", "installers[name=a100].tag", "550.2", 'tag: !!str "550.2"'),
        ("anchors.yaml", "installers[name=h100].driver", "580", 'driver: "580"'),
        ("documents.yaml", "images[name=nvidia-installer].newTag", "580.1.2", "newTag: 580.1.2   # moved by hand on Fridays"),
        ("documents.yaml", "spec.values.image.tag", "580", 'tag: "580"'),
        ("shoot.yaml", "spec.provider.workers[name=infer-s-v1].maximum", "41", "maximum: 41          # quota of the project"),
        ("windows.yaml", "image.tag", "580.105.08", "tag: 580.105.08   # Windows"),
    ],
)  # fmt: skip
def test_the_line_stays_in_its_style(name: str, path: str, value: str, written: str) -> None:
    assert line(name, path, value) == written


def test_windows_line_ends_stay() -> None:
    after = file("windows.yaml").set(KeyPath.parse("image.digest"), "sha256:34").text

    assert after.count("\r\n") == after.count("\n") == file("windows.yaml").text.count("\n")


def test_what_an_anchor_names_changes_where_it_is_mentioned() -> None:
    after = file("anchors.yaml").set(KeyPath.parse("x-defaults.registry"), "r.example").text

    assert said(after)[0]["registryAgain"] == "r.example"  # type: ignore[index]


def test_an_alias_is_replaced_alone() -> None:
    after = file("anchors.yaml").set(KeyPath.parse("registryAgain"), "r.example").text

    assert said(after)[0]["x-defaults"]["registry"] == "registry.example.org"  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "path", "message"),
    [
        ("helm.yaml", "nvidiaInstaler.tag", "helm.yaml: there is no `nvidiaInstaler.tag`: the document has nvidiaIns"),
        ("helm.yaml", "nvidiaInstaller.tag", "`nvidiaInstaller` has installerImage, installerTag, installerDigest, enabled"),
        ("documents.yaml", "images[name=nvidia].digest", "`images` is a list with nvidia-installer, nvidia-device-plugin; add it"),
        ("helm.yaml", "nvidiaInstaller.args[7]", "`nvidiaInstaller.args` is a list with an item on line 14, late"),
        ("anchors.yaml", "installers[name=a100].image", "`installers[name=a100]` has <<, name, driver, tag, nodeSelector"),
    ],
)  # fmt: skip
def test_a_missing_key_is_named_with_what_there_is(name: str, path: str, message: str) -> None:
    with pytest.raises(MissingKeyError) as caught:
        file(name).set(KeyPath.parse(path), "x")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_of_two_documents_is_ambiguous() -> None:
    twice = ValuesFile("a: 1\n---\nb: 2\na: 3\n", "f.yaml")

    with pytest.raises(AmbiguousKeyError, match=r"f\.yaml: `a` matches lines 1 and 4"):
        twice.set(KeyPath.parse("a"), "x")
    assert twice.set(KeyPath.parse("[b=2].a"), "x").text == "a: 1\n---\nb: 2\na: x\n"


@pytest.mark.parametrize(
    "path", ["nvidiaDevicePlugin.config", "nvidiaDevicePlugin.description", "nvidiaInstaller.args"]
)
def test_what_is_no_single_value_on_a_line_is_left_alone(path: str) -> None:
    with pytest.raises(
        NotEditableError, match=r"helm.yaml:\d+: `.*` is not a single value on one line: write it as one"
    ):
        file("helm.yaml").set(KeyPath.parse(path), "x")


@pytest.mark.parametrize("text", ["a: [", "a: 1\n b: 2", "a: {{ template }} b", "\ta: 1", "a: \x07"])
def test_what_is_no_yaml_is_said_with_its_line(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^f.yaml:\d+.*: not well-formed YAML: "):
        ValuesFile(text, "f.yaml").set(KeyPath.parse("a"), "x")
