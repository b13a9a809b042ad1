"""The findings of keys: pairs, missing keys, and nothing of a key in a text."""

from pathlib import Path

import pytest

from lifecycle.config.component import Component
from lifecycle.config.security import Attest, Signing
from lifecycle.doctor.finding import State
from lifecycle.doctor.keys import check_keys
from lifecycle.planning.project import Project
from tests.support.builders.attestations import make_key, write_keys
from tests.support.builders.projects import COMPONENT, component, project
from tests.support.builders.signing_keys import Pair


def declaring(folder: Path, **parts: object) -> Project:
    """Return a project whose component.yaml, which errors quote, is in a folder."""
    (folder / "component.yaml").write_text(COMPONENT)
    signer = parts.pop("signer", None)
    declared: Component = component().model_copy(update=parts)
    return project(component=declared, root=folder, signer=signer)


def signing(folder: Path, pair: Pair) -> Project:
    section = Signing(certificate=str(pair.certificate), key="env:KEY")
    return declaring(folder, signing=section, signer=pair.signer)


def attesting(folder: Path, public: Path) -> Project:
    section = Attest(key="env:KEY", public_key=str(public), builder="urn:test")
    return declaring(folder, attest=section)


def test_without_keys_nothing_is_asked() -> None:
    assert {finding.state for finding in check_keys(project(), {})} == {State.SKIPPED}


def test_a_pair_that_belongs_together_is_ok(tmp_path: Path, ours: Pair) -> None:
    first, _ = check_keys(signing(tmp_path, ours), {"KEY": ours.key.read_text()})

    assert first.state is State.OK
    assert "'Our modules'" in first.text


@pytest.mark.parametrize("variable", ["", "other"])
def test_a_missing_or_wrong_key_for_modules_is_an_error(
    tmp_path: Path, ours: Pair, theirs: Pair, variable: str
) -> None:
    text = theirs.key.read_text()
    first, _ = check_keys(signing(tmp_path, ours), {"KEY": text} if variable else {})

    assert first.state is State.ERROR
    assert "signing.key" in first.text
    assert text.splitlines()[1] not in first.text


def test_an_attest_pair_is_ok(tmp_path: Path) -> None:
    private, public = write_keys(make_key(), tmp_path / "keys")
    _, found = check_keys(attesting(tmp_path, public), {"KEY": private.read_text()})

    assert found.state is State.OK
    assert found.text.endswith("and its private key")


def test_a_machine_with_the_public_key_alone_may_verify(tmp_path: Path) -> None:
    _, public = write_keys(make_key(), tmp_path / "keys")
    _, found = check_keys(attesting(tmp_path, public), {})

    assert found.state is State.WARNING
    assert "can be verified here" in found.remedy


def test_an_unreadable_public_key_is_an_error(tmp_path: Path) -> None:
    _, found = check_keys(attesting(tmp_path, tmp_path / "none.pub"), {})

    assert found.state is State.ERROR
