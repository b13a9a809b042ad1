"""Tests of the alerts and the dashboard by promtool, which evaluates the rules with given metrics."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.charts.installer_chart import EVERYTHING, refusal, rendered
from tests.support.checkout import ROOT

CHART = rendered(EVERYTHING)
RULES: dict[str, Any] = CHART.one("PrometheusRule", "nvidia-installer")["spec"]
DASHBOARD = json.loads(CHART.one("ConfigMap", "nvidia-installer-dashboard")["data"]["nvidia-installer.json"])
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
REFERENCE = (ROOT / "docs/reference/node.md").read_text()
LABELS = '{instance="node-1"}'
FRESH, OLD = "0+60x60", "0+0x60"


def promtool(*words: str) -> str:
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts(folder: Path, series: dict[str, str], minute: int) -> set[str]:
    """Return the alerts that fire after some minutes, for metrics of a node by name, with a value a minute."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(RULES))
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    names = [rule["alert"] for group in RULES["groups"] for rule in group["rules"]]
    firing = set()
    for name in names:
        # promtool compares; an alert that fires makes the expectation of none fail.
        expected = [{"alertname": name, "eval_time": f"{minute}m", "exp_alerts": []}]
        test = {"interval": "1m", "input_series": inputs, "alert_rule_test": expected}
        (folder / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]}))
        done = subprocess.run(
            ["promtool", "test", "rules", str(folder / "test.yaml")], capture_output=True, text=True, check=False
        )
        if done.returncode:
            assert "got:" in done.stdout + done.stderr, done.stderr
            firing.add(name)
    return firing


def report(ready: int, written: str, **more: str) -> dict[str, str]:
    return {
        f"nvidia_installer_ready{LABELS}": f"{ready}x60",
        f"nvidia_installer_report_timestamp_seconds{LABELS}": written,
        **{f"nvidia_installer_{name}": values for name, values in more.items()},
    }


def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(RULES))

    assert "SUCCESS" in promtool("check", "rules", str(tmp_path / "rules.yaml"))


def test_prometheus_takes_each_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"r{number}", "expr": text} for number, text in enumerate(EXPRESSIONS)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))

    assert f"{len(EXPRESSIONS)} rules found" in promtool("check", "rules", str(tmp_path / "rules.yaml"))


def test_a_ready_node_alerts_nobody(tmp_path: Path) -> None:
    assert alerts(tmp_path, report(1, FRESH), 50) == set()


@pytest.mark.parametrize(("minute", "firing"), [(10, set()), (20, {"NvidiaDriverNotReady"})])
def test_a_node_without_a_ready_driver_alerts_after_an_installation_s_time(
    tmp_path: Path, minute: int, firing: set[str]
) -> None:
    assert alerts(tmp_path, report(0, FRESH), minute) == firing


def test_a_failure_alerts_with_its_reason(tmp_path: Path) -> None:
    failure = f'last_failure_info{{exit_code="21",reason="in_use",command="install",{LABELS[1:]}'

    assert alerts(tmp_path, {**report(1, FRESH), f"nvidia_installer_{failure}": "1x60"}, 20) == {
        "NvidiaInstallerFailed"
    }


def test_an_old_report_alerts_and_its_other_metrics_do_not(tmp_path: Path) -> None:
    assert alerts(tmp_path, report(0, OLD), 50) == {"NvidiaInstallerReportOld"}


def test_a_node_without_metrics_alerts_nobody(tmp_path: Path) -> None:
    assert alerts(tmp_path, {"up": "1x60"}, 50) == set()


def test_each_metric_and_label_is_one_that_the_installer_writes() -> None:
    texts = [*EXPRESSIONS, *(str(rule) for group in RULES["groups"] for rule in group["rules"])]
    metrics = {name for text in texts for name in re.findall(r"nvidia_installer_\w+", text)}
    labels = {name for text in texts for name in re.findall(r"\$labels\.(\w+)", text)} - {"instance"}

    assert len(metrics) > 5
    assert {name for name in metrics if f"`{name}" not in REFERENCE} == set()
    assert labels <= {"exit_code", "reason", "command"}


def test_the_sidecar_finds_the_dashboard_and_prometheus_the_rules_by_labels() -> None:
    dashboard, rules = (
        CHART.one(kind, name)["metadata"]["labels"]
        for kind, name in (("ConfigMap", "nvidia-installer-dashboard"), ("PrometheusRule", "nvidia-installer"))
    )

    assert (dashboard["grafana_dashboard"], rules["release"]) == ("1", "prometheus")


@pytest.mark.parametrize("value", ["alerts", "dashboard"])
def test_without_metrics_they_are_refused(value: str) -> None:
    assert f"monitoring.{value}" in refusal({"monitoring": {value: {"enabled": True}}})
