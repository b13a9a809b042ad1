import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from lifecycle.kubernetes.node_list import BadNodesError
from lifecycle.planning.selector import NothingSelectedError
from lifecycle.report.facts import ReportRequest, read_report
from lifecycle.report.picture import Reached
from tests.support.builders.bulletins import bulletin
from tests.support.builders.driver_modules import ONLY, pack
from tests.support.builders.projects import component, project
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession

OFFLINE = ReportRequest(offline=True)
KERNEL = "6.12.100-cloud-amd64"


def test_evidence_of_this_machine_is_in_the_picture(wide: FakeSession) -> None:
    report = read_report(wide, OFFLINE)
    states = ["".join(s.reached.value[0] for s in cell.stages) for cell in report.picture.cells]

    assert len(states) == 64
    assert {state: states.count(state) for state in states} == {"nnnun": 16, "ynnun": 16, "yynun": 16, "yyyun": 16}


def test_offline_asks_no_server_and_warns_of_none(wide: FakeSession) -> None:
    report = read_report(wide, OFFLINE)

    assert [line for line in report.warnings if "registry" in line or "git" in line] == []
    assert report.advisories is None


def test_a_registry_that_does_not_answer_is_a_warning(changeable: FakeSession) -> None:
    image = changeable.given.component.image.model_copy(update={"registry": "localhost:1"})
    changeable.given = replace(
        changeable.given, component=changeable.given.component.model_copy(update={"image": image})
    )
    report = read_report(changeable, ReportRequest())

    assert any("the registry localhost:1: cannot reach" in line for line in report.warnings)
    assert report.picture.cells[0].stages[3].reached is Reached.UNKNOWN


def test_an_engine_that_does_not_answer_is_a_warning(changeable: FakeSession) -> None:
    changeable.engine.unreachable = True
    report = read_report(changeable, OFFLINE)

    assert not report.engine
    assert {stage.reached for cell in report.picture.cells for stage in cell.stages[:3]} == {Reached.UNKNOWN}
    assert [one.image for one in report.contents] == [None] * 64
    assert any("no container engine answers" in line for line in report.warnings)


def test_layers_of_an_image_come_from_the_engine(wide: FakeSession) -> None:
    report = read_report(wide, OFFLINE)

    assert [[layer.created_by for layer in one.layers] for one in report.contents[:2]] == [[], ["base", "modules"]]


def test_the_console_of_a_boot_is_shown_where_it_is_the_proven_one(wide: FakeSession) -> None:
    logs = [one.evidence.log for one in read_report(wide, OFFLINE).contents[:4]]

    assert [bool(log) for log in logs] == [False, False, False, True]


def test_a_record_of_an_older_version_counts_as_none(changeable: FakeSession) -> None:
    for path in (changeable.cache.root / "booted").iterdir():
        path.write_text(json.dumps({"combination": "a/b/c"}))

    assert {one.evidence.boot for one in read_report(changeable, OFFLINE).contents} == {None}


def test_excluded_combinations_are_those_of_the_selection(changeable: FakeSession) -> None:
    rules = [*changeable.given.component.context.exclude]
    rules.append(rules[0].model_copy(update={"driver_version": "550.*", "module_type": None, "kernel": None}))
    context = changeable.given.component.context.model_copy(update={"exclude": rules})
    changeable.given = replace(
        changeable.given, component=changeable.given.component.model_copy(update={"context": context})
    )
    only = "gardenlinux-2000.1/*-amd64"
    report = read_report(changeable, replace(OFFLINE, only=only))

    assert [c.driver for c in report.excluded] == ["550.163.01"]
    assert [cell.driver for cell in report.picture.cells if cell.hole] == ["550.163.01"]


def test_a_selector_of_nothing_is_refused(wide: FakeSession) -> None:
    with pytest.raises(NothingSelectedError):
        read_report(wide, replace(OFFLINE, only="nothing"))


def test_the_fleet_is_read_with_the_matrix(wide: FakeSession, tmp_path: Path) -> None:
    (tmp_path / "nodes").write_text(f"{KERNEL}\n{KERNEL}\n6.1.0-1-other\n")
    fleet = read_report(wide, replace(OFFLINE, nodes=str(tmp_path / "nodes"))).fleet

    assert fleet
    assert (fleet.nodes, fleet.uncovered) == (3, 1)
    assert fleet.groups[0].nodes == ("line 1", "line 2")


def test_a_file_without_nodes_is_a_mistake(wide: FakeSession, tmp_path: Path) -> None:
    (tmp_path / "nodes").write_text("")
    with pytest.raises(BadNodesError):
        read_report(wide, replace(OFFLINE, nodes=str(tmp_path / "nodes")))


def test_symbols_are_proven_on_request(proving: FakeSession, modules: Path) -> None:
    pack(proving, modules)
    (one,) = read_report(proving, ReportRequest(only=ONLY, offline=True, prove=True)).contents

    assert (one.proven, one.problems) == (True, ())
    assert {module.name: module.symbols for module in one.modules}["nvidia-uvm.ko"] == "2 of 2"


def test_without_a_proof_the_modules_are_those_of_the_cache(proving: FakeSession, modules: Path) -> None:
    pack(proving, modules)
    (result,) = proving.cache.root.glob("results/archive/*/result.json")
    described = {"nvidia.ko": {"vermagic": "6.1", "size": 7}}
    result.write_text(json.dumps({**json.loads(result.read_text()), "modules": described}))
    (one,) = read_report(proving, ReportRequest(only=ONLY, offline=True)).contents

    assert [(m.name, m.vermagic, m.size, m.symbols) for m in one.modules] == [("nvidia.ko", "6.1", 7, "")]


def test_a_proof_without_its_headers_is_a_warning(tmp_path: Path) -> None:
    session = FakeSession(project(), tmp_path / "cache", FakeEngine())
    report = read_report(session, ReportRequest(offline=True, prove=True))

    assert any("the headers of 6.1.0-56-cloud-amd64" in line for line in report.warnings)


def declared(folder: Path, *edits: tuple[str, str]) -> FakeSession:
    return FakeSession(project(component=component(*edits)), folder / "cache", FakeEngine())


def test_bulletins_are_compared_with_the_drivers(tmp_path: Path) -> None:
    (tmp_path / "csaf").mkdir()
    content = bulletin("5678", "2026-07-01", ("CVE-2026-1", 8.2, {"550": "550.200.01"}))
    (tmp_path / "csaf/5678.json").write_bytes(content)
    session = declared(tmp_path, ("sources:\n", f"advisories: {{source: {tmp_path}/csaf}}\nsources:\n"))
    found = read_report(session, ReportRequest(only="550")).advisories

    assert found
    assert [(f.driver, f.bulletin, f.fixed_in) for f in found.findings if f.driver.startswith("550")] == [
        ("550.163.01", "5678", "550.200.01")
    ]


def test_bulletins_that_cannot_be_read_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "csaf.tar").write_bytes(b"\x1f\x8b damaged")
    session = declared(tmp_path, ("sources:\n", f"advisories: {{source: {tmp_path}/csaf.tar}}\nsources:\n"))
    report = read_report(session, ReportRequest())

    assert report.advisories is None
    assert any("csaf.tar" in line for line in report.warnings)


def test_ends_of_life_are_warnings_and_facts(tmp_path: Path) -> None:
    session = declared(tmp_path, ("550: {kind: packages,", "550: {kind: packages, endOfLife: 2020-01-31,"))
    report = read_report(session, OFFLINE)

    assert [(end.subject, end.end, end.state) for end in report.ends] == [
        ("driver 550.163.01", date(2020, 1, 31), "ended")
    ]
    assert "driver 550.163.01: its support ended on 2020-01-31" in report.warnings
