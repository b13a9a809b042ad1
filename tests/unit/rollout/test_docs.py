"""The guide and the reference say what the tasks have: options, defaults, keys of JSON, and the rules for RBAC."""

import re
from collections.abc import Mapping

import pytest
import yaml

from lifecycle.rollout.plan import WaveSize, make_plan
from lifecycle.rollout.show import plan_data, results_data, status_data
from lifecycle.rollout.upgrade import NodeResult, Outcome
from tasks import ns
from tests.support.builders.fleets import INSTALLER, OLD, a_member, a_node, a_pod
from tests.support.checkout import ROOT

SECTION = re.split(r"^## ", (ROOT / "docs/reference/tasks.md").read_text(), flags=re.MULTILINE)
(REFERENCE,) = [part for part in SECTION if part.startswith("rollout\n")]
GUIDE = (ROOT / "docs/how-to/upgrade-drivers.md").read_text()
FLEET = (a_member(a_node("a"), a_pod(OLD)), a_member(a_node("b", ready=False), a_pod(OLD)))


def options(task: str) -> dict[str, str]:
    """Return the defaults of a task's options that are not described for all tasks."""
    found = {argument.names[0]: str(argument.default or "") for argument in ns[task].get_arguments()}
    return {name: default for name, default in found.items() if name not in ("dry-run", "json")}


def keys(data: object) -> set[str]:
    """Return all keys in plain data."""
    if isinstance(data, Mapping):
        return {*data, *(key for value in data.values() for key in keys(value))}
    return {key for value in data for key in keys(value)} if isinstance(data, list) else set()


def test_each_option_is_in_the_reference_with_its_default() -> None:
    table, _, _ = REFERENCE.partition("| `--json` of")
    rows = dict(re.findall(r"^\| (`--.*?) \| (.*?) \|", table, flags=re.MULTILINE))
    documented = {name: default for cell, default in rows.items() for name in re.findall(r"--([a-z-]+)", cell)}
    assert documented.keys() == options("rollout").keys()
    assert {n: d for n, d in options("rollout").items() if d and n != "evict"} == {
        name: default
        for name, default in documented.items()
        if name in ("namespace", "wave", "drain-timeout", "ready-timeout")
    }


def test_the_status_has_the_options_that_select() -> None:
    assert options("rollout.status").keys() == {"only", "selector", "namespace", "context", "kubeconfig"}


def test_each_key_of_json_is_in_the_reference() -> None:
    plan = make_plan(FLEET, WaveSize(1))
    ends = results_data(NodeResult(planned=node, outcome=Outcome.DONE) for node in plan.nodes)
    found = keys([plan_data(plan), status_data([INSTALLER], FLEET), ends])
    assert {key for key in found if f"`{key}`" not in REFERENCE} == set()
    assert all(str(outcome) in REFERENCE for outcome in Outcome)


@pytest.mark.parametrize("title", ["To read", "To upgrade", "To evict"])
def test_the_rules_of_the_guide_are_rules(title: str) -> None:
    (text,) = [
        block for block in re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL) if block.startswith(f"# {title}")
    ]
    assert all(rule.keys() == {"apiGroups", "resources", "verbs"} for rule in yaml.safe_load(text))


def test_the_rules_for_reading_change_nothing() -> None:
    (text,) = [
        block for block in re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL) if block.startswith("# To read")
    ]
    assert {verb for rule in yaml.safe_load(text) for verb in rule["verbs"]} == {"list"}
