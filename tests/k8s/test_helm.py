"""Helm's program in the stead of its library."""

import os
import sys
from pathlib import Path

import pytest

from lifecycle.kubernetes.manifests import CHART, NAMESPACE
from lifecycle.tools import helm
from tests.support.charts.installer_chart import EVERYTHING, RELEASE, rendered
from tests.support.checkout import ROOT


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program `helm` on PATH and hide Helm's library."""
    script = tmp_path / "helm"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "tests/support/charts/helm_program.py"} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(helm, "has_library", lambda: False)


@pytest.mark.usefixtures("program")
def test_the_program_makes_the_same_objects() -> None:
    assert helm.render(ROOT / CHART, EVERYTHING, name=RELEASE, namespace=NAMESPACE) == rendered(EVERYTHING).objects


@pytest.mark.usefixtures("program")
def test_its_refusal_is_said_in_its_words() -> None:
    with pytest.raises(helm.ChartRefusedError, match="additional properties 'instalers' not allowed"):
        helm.render(ROOT / CHART, {"instalers": []}, name=RELEASE, namespace=NAMESPACE)
