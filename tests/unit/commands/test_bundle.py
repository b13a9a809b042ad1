"""The place of a bundle, which is checked before anything is downloaded."""

import tarfile
from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.commands.bundle import BadBundlePathError, make_bundle
from tests.support.checkout import ROOT


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (".", "it is a folder"),
        ("none/bundle.tar", "there is no folder {folder}/none"),
        ("component.yaml", "it is a file of another kind, which would be lost"),
    ],
)
def test_a_place_for_no_bundle_is_refused_at_once(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "component.yaml").write_text("name: x\n")
    session = Session(ROOT, cache_dir=str(tmp_path / "cache"), environ={})

    with pytest.raises(BadBundlePathError) as caught:
        make_bundle(session, tmp_path / place, "", kernel_images=False)

    remedy = "name a new file, or a bundle to replace"
    assert str(caught.value) == f"{tmp_path / place}: {why.format(folder=tmp_path)}: {remedy}"
    assert (tmp_path / "component.yaml").read_text() == "name: x\n"


def test_a_bundle_may_be_replaced(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "old.tar", "w"):
        pass
    session = Session(tmp_path, cache_dir=str(tmp_path / "cache"), environ={})

    with pytest.raises(Exception, match=r"component\.yaml: no such file"):
        make_bundle(session, tmp_path / "old.tar", "", kernel_images=False)
