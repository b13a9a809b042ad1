"""Tests on a machine without Helm; tests/k8s has those with it."""

import importlib.util

import pytest

from lifecycle.tools.helm import HelmMissingError, render
from tests.support.checkout import ROOT


@pytest.mark.skipif(importlib.util.find_spec("helm_python") is not None, reason="Helm's library is installed here")
def test_the_error_without_helm_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(HelmMissingError, match=r"requirements/helm\.txt"):
        render(ROOT / "k8s/nvidia-installer", {}, name="n", namespace="kube-system")
    assert (ROOT / "requirements/helm.txt").is_file()
