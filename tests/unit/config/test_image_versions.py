import re
from pathlib import Path

import pytest

from lifecycle.config.image_versions import Base, builder_name, load_image_versions
from lifecycle.errors import ConfigurationError
from tests.support.checkout import ROOT

DIGEST = "sha256:" + "a" * 64


def load(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "image_versions").write_text(text)
    return {name: base.reference for name, base in load_image_versions(tmp_path / "image_versions").bases.items()}


def test_a_line_names_an_image(tmp_path: Path) -> None:
    text = "# comment\n\nRUNTIME=bootstrap:debian-13\nBUILDER_X=ghcr.io/a/b:1.2  # why\n"

    assert load(tmp_path, text) == {"RUNTIME": "bootstrap:debian-13", "BUILDER_X": "ghcr.io/a/b:1.2"}


def test_every_wrong_line_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, "RUNTIME=a\nRUNTIME=b\nnonsense\nBUILDER_X=UPPER//x\n")
    assert [re.sub(": write.*| remove.*", "", problem) for problem in caught.value.problems] == [
        "image_versions:2: duplicate RUNTIME:",
        "image_versions:3: 'nonsense' is not NAME=reference",
        "image_versions:4: 'UPPER//x' is not an image reference",
    ]


def test_a_file_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="image_versions: the file names no image"):
        load(tmp_path, "# nothing\n")


def test_a_missing_builder_is_named_as_the_line_to_add(tmp_path: Path) -> None:
    (tmp_path / "image_versions").write_text("RUNTIME=a\n")
    with pytest.raises(
        ConfigurationError,
        match=r"add the line BUILDER_GARDENLINUX_1592_9=<reference> for the builder of gardenlinux-1592\.9",
    ):
        load_image_versions(tmp_path / "image_versions").builder("gardenlinux-1592.9")


@pytest.mark.parametrize(
    ("reference", "pinned"),
    [
        ("ghcr.io/a/b:1.2", f"ghcr.io/a/b@{DIGEST}"),
        ("localhost:5000/a/b:1.2", f"localhost:5000/a/b@{DIGEST}"),
        ("localhost:5000/a/b", f"localhost:5000/a/b@{DIGEST}"),
        ("debian", f"debian@{DIGEST}"),
        (f"ghcr.io/a/b@sha256:{'b' * 64}", f"ghcr.io/a/b@{DIGEST}"),
    ],
)
def test_a_reference_is_pinned_by_digest(reference: str, pinned: str) -> None:
    assert Base(name="RUNTIME", reference=reference).pinned(DIGEST) == pinned


def test_the_projects_own_file_has_a_builder_for_each_release_ready(tmp_path: Path) -> None:
    text = re.sub(r"^# (BUILDER_)", r"\1", (ROOT / "image_versions").read_text(), flags=re.MULTILINE)

    assert {"RUNTIME", builder_name("debian-12"), builder_name("gardenlinux-1592.9")} <= set(load(tmp_path, text))
