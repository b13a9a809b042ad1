"""Canaries promoted and refused in a checkout, with the files that change."""

import json
import shutil
from functools import partial
from pathlib import Path

import pytest

from lifecycle.promotion.command import NotProvenError, PromotionRequest, show_promotion
from lifecycle.versions import edits
from lifecycle.versions.apply_edit import show_edit
from lifecycle.versions.edits import new_release
from tests.support.builders.apt_archive import Archive
from tests.support.checkouts.source_checkout import SourceCheckout, make_source_checkout

NAME = "gardenlinux-1592.10"
LINE = "- {{name: {name}, kernelFlavour: cloud, channel: {channel}}}"
NO_EVIDENCE = "policy: {promotion: {built: false, booted: false}}\n"


@pytest.fixture
def checkout(garden: Archive, tmp_path: Path) -> SourceCheckout:
    """Return a checkout with a current release and a canary, of which nothing is built. No registry answers."""
    made = make_source_checkout(tmp_path, "{kind: directory, path: 'inputs/{version}'}", environ={})
    for version in ("1592.9", "1592.10"):
        shutil.copytree(garden.folder / "pool", made.root / "inputs" / version)
    made.resolve()
    new = new_release(NAME, channel="canary", kernel="newest", flavour="cloud")
    show_edit(made.session(), partial(edits.add_release, release=new, builder="", date="2026-11-24"), dry_run=False)
    return made


def component(checkout: SourceCheckout) -> Path:
    return checkout.root / "component.yaml"


def test_a_canary_without_evidence_stays_one(checkout: SourceCheckout) -> None:
    before = component(checkout).read_text()
    with pytest.raises(NotProvenError, match=f"{NAME} stays a canary.*is not built, is not booted"):
        show_promotion(checkout.session(), PromotionRequest(release=NAME), as_json=False)

    assert component(checkout).read_text() == before


def test_force_promotes_it_and_says_so(checkout: SourceCheckout, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    show_promotion(checkout.session(), PromotionRequest(release=NAME, force=True), as_json=True)
    captured = capsys.readouterr()
    found = json.loads(captured.out)

    assert LINE.format(name=NAME, channel="current") in component(checkout).read_text()
    assert f"{NAME} is promoted by --force, although {NAME}/" in captured.err
    assert found["forced"] is True
    assert f"moved {NAME} to the channel current" in found["done"]


def test_a_policy_that_asks_for_nothing_needs_no_force(checkout: SourceCheckout) -> None:
    with component(checkout).open("a") as file:
        file.write(NO_EVIDENCE)
    show_promotion(checkout.session(), PromotionRequest(release=NAME), as_json=False)

    assert LINE.format(name=NAME, channel="current") in component(checkout).read_text()


def test_a_current_release_moves_on_without_evidence(
    checkout: SourceCheckout, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    show_promotion(checkout.session(), PromotionRequest(release="gardenlinux-1592.9", dry_run=True), as_json=True)

    found = json.loads(capsys.readouterr().out)
    assert (found["evidence"], found["dry_run"]) == ([], True)
    assert "moved gardenlinux-1592.9 to the channel previous" in found["done"]
