"""The bytes that each format number stands for: a change of what is made, without a change of its number, fails here."""

import json
from pathlib import Path

import pytest

from lifecycle.pipeline import base, image, image_archive, package, sign
from lifecycle.pipeline import compile as compile_step
from lifecycle.planning.recipes import FORMAT
from lifecycle.planning.targets import Kind
from lifecycle.tools import archive
from lifecycle.tools.digest import digest_of
from tests.support.builders.golden_inputs import make_world
from tests.support.builders.golden_outputs import MAKERS
from tests.support.checkout import ROOT

GOLDEN = Path(__file__).with_name("golden_formats.json")
Pin = dict[str, object]


def pin_of(kind: Kind, folder: Path) -> Pin:
    """Return what golden_formats.json has to say of a kind as the code makes it now."""
    return {"format": FORMAT[kind], "sha256": digest_of(MAKERS[kind](make_world(folder)))}


def problem(kind: Kind, pinned: Pin, found: Pin) -> str:
    """Return what is wrong, and what to do; "" where the pinned format and bytes are those of the code."""
    if pinned == found:
        return ""
    line = f"write {json.dumps({str(kind): found})} to {GOLDEN.relative_to(ROOT)}"
    if pinned["format"] != found["format"]:
        return f"FORMAT[{str(kind)!r}] is another one: {line}"
    raised = {**found, "format": FORMAT[kind] + 1}
    return (
        f"the code makes another {kind} of the same inputs. If that is meant, raise FORMAT[{str(kind)!r}] to "
        f"{raised['format']} in lifecycle/planning/recipes.py, and {line.replace(json.dumps(found), json.dumps(raised))}; "
        "if not, undo it"
    )


@pytest.mark.parametrize("kind", list(Kind))
def test_a_kind_is_the_bytes_that_its_format_stands_for(kind: Kind, tmp_path: Path) -> None:
    said = problem(kind, json.loads(GOLDEN.read_text())[kind], pin_of(kind, tmp_path))

    assert said == ""


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_made_is_the_same_everywhere(kind: Kind, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "another one"]
    for folder in folders:
        folder.mkdir()

    assert pin_of(kind, folders[0]) == pin_of(kind, folders[1])


# ----- the check can fail


@pytest.mark.parametrize(
    ("kind", "module", "name", "value"),
    [
        (Kind.BASE, base, "LABEL_DIGEST", "another.label"),
        (Kind.BASE, image_archive, "_CREATED", "1970-01-01T00:00:00Z"),
        (Kind.MODULES, compile_step, "MODULES", ("nvidia",)),
        (Kind.MODULES, compile_step, "SOURCE_DATE_EPOCH", 1),
        (Kind.MODULES, compile_step, "_COMMAND", ["compile.sh", "/in", "/elsewhere"]),
        (Kind.SIGNED, sign, "_SCRIPT", "in/another"),
        (Kind.USERSPACE, package, "ZSTD_LEVEL", 11),
        (Kind.USERSPACE, archive, "_WINDOW_LOG", 26),
        (Kind.USERSPACE, package, "_BLOCK", 512),
        (Kind.ARCHIVE, package, "MODULES_FOLDER", "lib/modules/{kernel}/extra"),
        (Kind.ARCHIVE, archive, "SOURCE_DATE_EPOCH", 1),
        (Kind.IMAGE, image, "HOME", "opt/elsewhere"),
        (Kind.IMAGE, image, "LABEL_VERMAGIC", "another.label"),
    ],
)
def test_a_change_of_the_code_that_shapes_a_kind_is_noticed(
    kind: Kind, module: object, name: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, value)
    pinned = json.loads(GOLDEN.read_text())[kind]

    assert f"raise FORMAT['{kind}'] to {FORMAT[kind] + 1}" in problem(kind, pinned, pin_of(kind, tmp_path))


def test_another_number_than_the_pinned_one_is_noticed() -> None:
    pinned: Pin = {"format": 0, "sha256": "a"}

    assert problem(Kind.IMAGE, pinned, {"format": 1, "sha256": "a"}) == (
        'FORMAT[\'image\'] is another one: write {"image": {"format": 1, "sha256": "a"}} '
        "to tests/unit/formats/golden_formats.json"
    )


def test_other_bytes_under_the_same_number_say_what_to_do() -> None:
    number = FORMAT[Kind.IMAGE]
    pinned: Pin = {"format": number, "sha256": "a"}

    assert problem(Kind.IMAGE, pinned, {"format": number, "sha256": "b"}) == (
        "the code makes another image of the same inputs. If that is meant, raise FORMAT['image'] to "
        f'{number + 1} in lifecycle/planning/recipes.py, and write {{"image": {{"format": {number + 1}, '
        '"sha256": "b"}} to tests/unit/formats/golden_formats.json; if not, undo it'
    )
