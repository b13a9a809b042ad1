"""The rendered chart that builds the matrix, and its parts by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from lifecycle.kubernetes.build_job import CHART, NAMESPACE
from lifecycle.tools.helm import render
from tests.support.charts.installer_chart import Rendered, containers_of
from tests.support.checkout import ROOT

RELEASE = "nvidia-installer-build"
REVISION = "0123456789abcdef" * 2 + "01234567"
USUAL: Mapping[str, object] = {
    "repository": "https://git.example.org/gpu/nvidia-installer.git",
    "revision": REVISION,
    "store": {"place": "registry.example.org/gpu/store"},
}
# All that can be said of an engine in the pod is.
EVERYTHING: Mapping[str, object] = {
    "repository": "git@git.example.org:gpu/nvidia-installer.git",
    "revision": REVISION,
    "repositorySecret": "deploy-key",
    "shards": 8,
    "parallelism": 3,
    "only": "550",
    "args": ["--json"],
    "store": {"place": "registry.example.org:5000/gpu/store", "mode": "read-only", "secret": "registry"},
    "imagePullSecrets": [{"name": "pulls"}],
    "env": {"https_proxy": "http://proxy.example.org:3128"},
    "secretEnv": [{"name": "MODULE_SIGNING_KEY", "secret": "module-signing", "key": "key.pem"}],
    "backoffLimitPerIndex": 1,
    "nodeSelector": {"pool": "build"},
    "tolerations": [{"key": "build", "operator": "Exists"}],
    "podAnnotations": {"a": "b"},
    "podLabels": {"c": "d"},
}
REMOTE: Mapping[str, object] = {**USUAL, "engine": {"address": "tcp://engine:2376", "certificates": "engine"}}


def rendered_build(values: Mapping[str, object]) -> Rendered:
    """Render the build chart with values."""
    return Rendered(render(ROOT / CHART, values, name=RELEASE, namespace=NAMESPACE))


def job_of(chart: Rendered) -> dict[str, Any]:
    """Return the only Job of the chart."""
    (job,) = chart.all("Job")
    return job


def container(chart: Rendered, name: str) -> Mapping[str, Any]:
    """Return a container of the Job's pods by its name."""
    (found,) = (found for found in containers_of(job_of(chart)) if found["name"] == name)
    return found


def names_of(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of containers or volumes."""
    return [str(one["name"]) for one in found]
