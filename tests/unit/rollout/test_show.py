"""The tables of a fleet of two thousand nodes are short, and their counts come first."""

from dataclasses import replace

import pytest

from lifecycle.rollout.plan import WaveSize, make_plan
from lifecycle.rollout.show import plan_data, print_plan, print_status, status_data
from tests.support.builders.fleets import INSTALLER, NEW, OLD, a_failure, a_mark, a_member, a_node, a_pod

FLEET = (
    *(a_member(a_node(f"old-{n:04}"), a_pod(OLD, ready=True)) for n in range(1500)),
    *(a_member(a_node(f"new-{n:04}"), a_pod(NEW, ready=True)) for n in range(400)),
    *(
        a_member(a_node(f"bad-{n:04}", cordoned=True, mark=a_mark()), a_pod(NEW, failure=a_failure()))
        for n in range(60)
    ),
    *(a_member(a_node(f"slow-{n:04}"), a_pod(NEW)) for n in range(40)),
)


def test_the_status_of_a_large_fleet_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    print_status([INSTALLER], FLEET)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].rstrip() == "2000 nodes"
    assert lines[2].split() == ["debian-13/550", "550.163.01", "2000", "400", "1500", "40", "60", "60"]
    assert any("60" in line and "install ended with 10: no" in line and "and 57 more" in line for line in lines)
    assert len(lines) < 10


def test_the_plan_of_a_large_fleet_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    print_plan(make_plan(FLEET, WaveSize(10, percent=True)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1560 nodes to upgrade in 8 waves of at most 200 nodes; 400 up to date; 40 skipped"
    assert any("1540 more: --json lists all" in line for line in lines)
    assert len(lines) < 35


def test_the_data_of_a_large_fleet_is_complete() -> None:
    found = status_data([INSTALLER], FLEET)
    assert isinstance(found["nodes"], list)
    assert len(found["nodes"]) == 2000
    plan = plan_data(make_plan(FLEET, WaveSize(7)))
    assert isinstance(plan["waves"], list)
    assert sum(map(len, plan["waves"])) == 1560


def test_a_node_without_a_pod_is_not_ready() -> None:
    member = a_member(a_node(mark=a_mark()), None)
    found = status_data([INSTALLER], [member])["nodes"]
    assert isinstance(found, list)
    assert (found[0]["state"], found[0]["begun"], found[0]["pod"]) == ("not ready", True, None)


def test_nodes_are_counted_with_their_own_installer() -> None:
    other = replace(INSTALLER, name="other", driver="570")
    found = status_data([INSTALLER, other], [a_member(a_node(), a_pod(OLD), other)])["installers"]
    assert isinstance(found, list)
    assert [(entry["driver"], entry["old"]) for entry in found] == [("550", 0), ("570", 1)]
