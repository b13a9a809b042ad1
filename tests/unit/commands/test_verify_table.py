"""Tests of the output of `invoke verify`."""

import json
import os
from pathlib import Path

import pytest

from lifecycle.app.job_summary import VARIABLE
from lifecycle.commands.verify import ProofFailedError
from lifecycle.commands.verify_table import show_proof
from tests.support.builders.driver_modules import ID, ONLY, RELEASE, gone, ko, pack
from tests.support.builders.signing_keys import Pair, sign
from tests.support.fakes.sessions import FakeSession


def test_what_is_not_built_names_the_command_that_builds_it(
    proving: FakeSession, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ProofFailedError) as caught:
        show_proof(proving, ONLY, as_json=False)

    assert str(caught.value) == (
        f"not all modules are proven: 1 problem\n  {ID} proprietary: is not built: run `invoke build --only {ID}`"
    )
    assert capsys.readouterr().out == ""


def test_a_proof_is_a_table_a_line_a_module(
    proving: FakeSession, modules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(proving, modules)
    show_proof(proving, ONLY, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]

    assert lines[0].strip() == f"{ID} proprietary, from the archive: all correct"
    assert " ".join(cells[1]) == "module kernel vermagic arch symbols of siblings namespaces licence signature size"
    assert cells[5][:3] == ["nvidia-uvm.ko", RELEASE, "SMP preempt mod_unload modversions"]
    assert cells[5][3:] == ["amd64", "2 of 2", "1", "–", "GPL", "–", "0.00 MB"]
    assert len(cells) == 7


@pytest.mark.parametrize(("as_json", "headings"), [(False, 1), (True, 0)])
def test_the_summary_of_a_ci_job_has_the_table_without_json(
    proving: FakeSession, modules: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_json: bool, headings: int
) -> None:
    summary = tmp_path / "summary.md"
    summary.touch()
    monkeypatch.setenv(VARIABLE, str(summary))
    pack(proving, modules)
    show_proof(proving, ONLY, as_json=as_json)

    assert summary.read_text().count(f"### {ID} proprietary, from the archive: all correct\n") == headings


def test_a_proof_as_data_has_the_keys_that_the_reference_promises(
    proving: FakeSession, modules: Path, ours: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    sign(ko(modules, "nvidia-drm"), ours)
    gone(modules)
    pack(proving, modules)
    with pytest.raises(ProofFailedError):
        show_proof(proving, ONLY, as_json=True)
    (found,) = json.loads(capsys.readouterr().out)

    assert {key: value for key, value in found.items() if key != "modules"} == {
        "combination": ID,
        "module_type": "proprietary",
        "source": "archive",
        "problems": ["nvidia-peermem.ko is missing"],
    }
    assert found["modules"][0] == {
        "file": "nvidia-drm.ko",
        "kernel_release": RELEASE,
        "vermagic": f"{RELEASE} SMP preempt mod_unload modversions",
        "architecture": "amd64",
        "version": "535.309.01",
        "license": "GPL",
        "namespaces": [],
        "size": os.path.getsize(ko(modules, "nvidia-drm")),  # noqa: PTH202 - one number
        "kernel_symbols": 2,
        "agreeing_symbols": 2,
        "sibling_symbols": 0,
        "signature": {"state": "unknown", "signer": "O=Team, CN=Our modules", "hash": "sha256"},
    }
    assert found["modules"][1]["signature"] is None


def test_what_is_not_built_is_data_too(proving: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProofFailedError):
        show_proof(proving, ONLY, as_json=True)

    assert json.loads(capsys.readouterr().out) == [
        {
            "combination": ID,
            "module_type": "proprietary",
            "source": None,
            "modules": [],
            "problems": [f"is not built: run `invoke build --only {ID}`"],
        }
    ]
