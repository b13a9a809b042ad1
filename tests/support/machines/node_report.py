"""Readers of METRICS_FILE and FEATURES_FILE of a node under test, which parse them as their consumers do."""

import re
from collections.abc import Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.support.machines.node_host import Node

METRICS = "/var/lib/node_exporter/textfile_collector/nvidia-installer.prom"
FEATURES = "/etc/kubernetes/node-feature-discovery/features.d/nvidia-installer"
FAILURE = "/run/nvidia/nvidia-installer.failure"
ADDITIONAL = ("problem", "persistence-daemon", "fabric-manager")
STATES = ("absent", "same", "different-idle", "different-busy")


def on(node: Node, path: str) -> Path:
    """Return the path on this machine of an absolute path on the host."""
    return node.host / path.removeprefix("/")


def metrics(node: Node) -> dict[str, object]:
    """Return numbers by name, the current state as `state`, and labels of the installed driver as `info`.

    `failure` has the labels of the last failure, if there was one. The report's time, the problem, the daemons and
    CDI are left out.
    """
    text = on(node, METRICS).read_text()
    families = {f.name.removeprefix("nvidia_installer_"): f for f in text_string_to_metric_families(text)}
    assert all(family.type == "gauge" and family.documentation for family in families.values())
    found: dict[str, object] = {}
    states = families.pop("state").samples
    assert tuple(sample.labels["state"] for sample in states) == STATES
    assert sorted(sample.value for sample in states) == [0, 0, 0, 1]
    (found["state"],) = (sample.labels["state"] for sample in states if sample.value)
    del families["report_timestamp_seconds"]
    families.pop("daemon_running", None)
    families.pop("cdi_specification", None)
    families.pop("problem_info", None)
    for key, name in {"info": "info", "failure": "last_failure_info"}.items():
        if name in families:
            (info,) = families.pop(name).samples
            assert info.value == 1
            found[key] = info.labels
    for name, family in families.items():
        (sample,) = family.samples
        assert sample.labels == {}
        found[name] = sample.value
    return found


def features(node: Node) -> dict[str, str]:
    """Return the values of the labels by name, without the prefix that all names share."""
    expiry, *lines = on(node, FEATURES).read_text().splitlines()
    assert expiry.startswith("# +expiry-time=")
    found = {key.removeprefix("nvidia-installer."): value for key, value in (line.split("=") for line in lines)}
    return {key: value for key, value in found.items() if key not in ADDITIONAL}


def samples(node: Node, name: str) -> dict[str, float]:
    """Return the values of a metric by the value of its only label."""
    families = text_string_to_metric_families(on(node, METRICS).read_text())
    (family,) = (family for family in families if family.name == f"nvidia_installer_{name}")
    return {next(iter(sample.labels.values())): sample.value for sample in family.samples}


def additional_features(node: Node) -> dict[str, str]:
    """Return the labels of the problem and the daemons."""
    lines = on(node, FEATURES).read_text().splitlines()[1:]
    found = {key.removeprefix("nvidia-installer."): value for key, value in (line.split("=") for line in lines)}
    return {key: value for key, value in found.items() if key in ADDITIONAL}


def timestamp(node: Node) -> int:
    """Return the time of the metrics, in seconds since 1970."""
    (line,) = re.findall(r"^\S+_report_timestamp_seconds (\d+)$", on(node, METRICS).read_text(), flags=re.MULTILINE)
    return int(line)


def failure(command: str, code: int, reason: str) -> dict[str, str]:
    """Return the labels of a failure in the metrics."""
    return {"command": command, "exit_code": str(code), "reason": reason}


def without_failure(tree: Mapping[str, object]) -> dict[str, object]:
    """Return a tree of Node.tree or Node.stat without the recorded failure, and without the folder that changes with it."""
    ours = (f"host{FAILURE}", f"host{Path(FAILURE).parent}")
    return {path: value for path, value in tree.items() if path not in ours}


def pretend_seconds(node: Node, seconds: int) -> None:
    """Set the duration of the last installation in METRICS_FILE, in seconds."""
    file = on(node, METRICS)
    changed, count = re.subn(r"(install_seconds) \d+$", rf"\1 {seconds}", file.read_text(), flags=re.MULTILINE)
    assert count == 1
    file.write_text(changed)
