"""Readers of METRICS_FILE and FEATURES_FILE of a node under test, which parse them as their consumers do."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.support.machines.node_host import Node

METRICS = "/var/lib/node_exporter/textfile_collector/nvidia-installer.prom"
FEATURES = "/etc/kubernetes/node-feature-discovery/features.d/nvidia-installer"
STATES = ("absent", "same", "different-idle", "different-busy")


def on(node: Node, path: str) -> Path:
    """Return the path on this machine of an absolute path on the host."""
    return node.host / path.removeprefix("/")


def metrics(node: Node) -> dict[str, object]:
    """Return numbers by name, the current state as `state`, and the labels of the installed driver as `info`."""
    text = on(node, METRICS).read_text()
    families = {f.name.removeprefix("nvidia_installer_"): f for f in text_string_to_metric_families(text)}
    assert all(family.type == "gauge" and family.documentation for family in families.values())
    found: dict[str, object] = {}
    states = families.pop("state").samples
    assert tuple(sample.labels["state"] for sample in states) == STATES
    assert sorted(sample.value for sample in states) == [0, 0, 0, 1]
    (found["state"],) = (sample.labels["state"] for sample in states if sample.value)
    if "info" in families:
        (info,) = families.pop("info").samples
        assert info.value == 1
        found["info"] = info.labels
    for name, family in families.items():
        (sample,) = family.samples
        assert sample.labels == {}
        found[name] = sample.value
    return found


def features(node: Node) -> dict[str, str]:
    """Return the values of the labels by name, without the prefix that all names share."""
    lines = on(node, FEATURES).read_text().splitlines()
    return {key.removeprefix("nvidia-installer."): value for key, value in (line.split("=") for line in lines)}


def pretend_seconds(node: Node, seconds: int) -> None:
    """Set the duration of the last installation in METRICS_FILE, in seconds."""
    file = on(node, METRICS)
    changed, count = re.subn(r"(install_seconds) \d+$", rf"\1 {seconds}", file.read_text(), flags=re.MULTILINE)
    assert count == 1
    file.write_text(changed)
