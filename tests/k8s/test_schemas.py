"""The chart's objects against the schemas of the oldest and the newest Kubernetes that are at hand, offline."""

from typing import Any

import kubernetes_validate
import pytest

from lifecycle.kubernetes.manifests import CHART
from lifecycle.tools.helm import render
from tests.support.charts.installer_chart import EVERYTHING, RELEASE, USUAL, Rendered, rendered
from tests.support.charts.kubernetes_versions import NEWEST, OLDEST
from tests.support.checkout import ROOT

# Kubernetes has no schema of the Prometheus Operator's objects: test_monitoring.py checks their content.
OBJECTS = [
    found
    for values in (USUAL, EVERYTHING, {"namespace": {"create": True}})
    for found in Rendered(render(ROOT / CHART, values, name=RELEASE, namespace="gpu")).objects
    if found["kind"] != "PrometheusRule"
]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("found", OBJECTS, ids=lambda found: f"{found['kind']}-{found['metadata']['name']}")
def test_kubernetes_knows_every_key(found: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(found, version, strict=True)


def test_a_key_that_kubernetes_does_not_know_is_found() -> None:
    found = rendered(USUAL).installers[0]
    found["spec"]["template"]["spec"]["hostPid"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="hostPid"):
        kubernetes_validate.validate(found, NEWEST, strict=True)
