"""The place of a bundle, which is checked before anything is downloaded."""

import tarfile
from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.cache.cache import Cache
from lifecycle.commands.bundle import BadBundlePathError, make_bundle
from lifecycle.sources.bundle import write_bundle
from tests.support.checkout import ROOT


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (".", "it is a folder"),
        ("none/bundle.tar", "there is no folder {folder}/none"),
        ("component.yaml", "it is a file of another kind, which would be lost"),
        ("backup.tar", "it is a file of another kind, which would be lost"),
    ],
)
def test_a_place_for_no_bundle_is_refused_at_once(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "component.yaml").write_text("name: x\n")
    with tarfile.open(tmp_path / "backup.tar", "w") as tar:
        tar.add(tmp_path / "component.yaml", "component.yaml")
    session = Session(ROOT, cache_dir=str(tmp_path / "cache"), environ={})

    with pytest.raises(BadBundlePathError) as caught:
        make_bundle(session, tmp_path / place, "", kernel_images=False, as_json=False)

    remedy = "name a new file, or a bundle to replace"
    assert str(caught.value) == f"{tmp_path / place}: {why.format(folder=tmp_path)}: {remedy}"
    assert (tmp_path / "component.yaml").read_text() == "name: x\n"


def test_a_bundle_may_be_replaced(tmp_path: Path) -> None:
    write_bundle(tmp_path / "old.tar", [], [], Cache(tmp_path / "cache"), advance=lambda _: None)
    session = Session(tmp_path, cache_dir=str(tmp_path / "cache"), environ={})

    with pytest.raises(Exception, match=r"component\.yaml: no such file"):
        make_bundle(session, tmp_path / "old.tar", "", kernel_images=False, as_json=False)
