"""Tests of the state of the CDI specifications in `status`, the metrics and the archive of `collect`."""

import json
from typing import Any

import pytest

from tests.support.machines import node_report
from tests.support.machines.node_cdi import OTHER, PLUGIN, other_file, spec_file
from tests.support.machines.node_collect import report
from tests.support.machines.node_host import Node
from tests.support.machines.node_processes import stop, until, waiting

KIND = "nvidia.com/gpu"


def lines(node: Node) -> list[str]:
    return [line for line in node.run("status").stdout.splitlines() if line.startswith("cdi")]


def cdi(node: Node) -> dict[str, Any]:
    found = json.loads(node.run("status", "--json").stdout)["cdi"]
    assert isinstance(found, dict)
    return found


def problem(word: str, file: str | None = None) -> dict[str, str | None]:
    return {"kind": KIND, "problem": word, "file": file}


def metric(node: Node) -> dict[str, float]:
    return node_report.samples(node, "cdi_specification")


def remove_gpu(node: Node) -> None:
    (node.proc / "driver/nvidia/gpus/0000:3b:00.0/information").unlink()
    (node.proc / "driver/nvidia/gpus/0000:3b:00.0").rmdir()


def test_each_kind_of_a_ready_driver_is_written(gpu_node: Node) -> None:
    gpu_node.environment["CDI_KINDS"] = f"{KIND} {PLUGIN}"
    gpu_node.installs()
    assert lines(gpu_node) == [f"cdi {KIND}: written", f"cdi {PLUGIN}: written"]
    found = cdi(gpu_node)
    assert sorted(found["written"]) == sorted(found["wanted"]) == sorted([KIND, PLUGIN])
    assert found["problems"] == []


def test_without_a_ready_driver_the_driver_is_the_reason(gpu_node: Node) -> None:
    gpu_node.installs("--no-load")
    assert lines(gpu_node) == [f"cdi {KIND}: missing (the driver is not ready)"]
    assert cdi(gpu_node) == {"wanted": [KIND], "written": [], "problems": [problem("not_ready")]}


def test_the_file_of_another_program_is_named(gpu_node: Node) -> None:
    other_file(gpu_node, OTHER)
    gpu_node.environment["CDI_KINDS"] = f"{KIND} {PLUGIN}"
    gpu_node.installs()
    assert lines(gpu_node) == [
        f"cdi {KIND}: missing (/var/run/cdi/nvidia.yaml describes the same devices)",
        f"cdi {PLUGIN}: written",
    ]
    assert cdi(gpu_node) == {
        "wanted": [KIND, PLUGIN],
        "written": [PLUGIN],
        "problems": [problem("other_file", "/var/run/cdi/nvidia.yaml")],
    }


def test_two_files_of_one_kind_are_a_problem_although_ours_is_written(gpu_node: Node) -> None:
    gpu_node.installs()
    other_file(gpu_node, OTHER)
    assert lines(gpu_node) == [f"cdi {KIND}: written (/var/run/cdi/nvidia.yaml describes the same devices)"]
    assert cdi(gpu_node)["written"] == [KIND]
    assert cdi(gpu_node)["problems"] == [problem("other_file", "/var/run/cdi/nvidia.yaml")]


@pytest.mark.parametrize("name", ['a"b\\.yaml', "a\n\x1b[2J.yaml"])
def test_any_name_of_another_file_is_printed_safely(gpu_node: Node, name: str) -> None:
    other_file(gpu_node, OTHER, name)
    gpu_node.installs()
    assert cdi(gpu_node)["problems"] == [problem("other_file", f"/var/run/cdi/{name}")]
    (line,) = lines(gpu_node)
    assert line.isprintable()
    assert line.endswith(".yaml describes the same devices)")


def test_nothing_is_missing_if_none_is_wanted(gpu_node: Node) -> None:
    gpu_node.environment["CDI_KINDS"] = "off"
    gpu_node.installs()
    assert lines(gpu_node) == ["cdi: off"]
    assert cdi(gpu_node) == {"wanted": [], "written": [], "problems": []}


def test_a_kind_of_other_settings_is_told_until_it_is_removed(gpu_node: Node) -> None:
    gpu_node.installs()
    gpu_node.environment["CDI_KINDS"] = "off"
    assert lines(gpu_node) == ["cdi: off", f"cdi {KIND}: written, but not in CDI_KINDS"]
    assert cdi(gpu_node) == {"wanted": [], "written": [KIND], "problems": []}


def test_a_driver_without_a_gpu_needs_none(gpu_node: Node) -> None:
    remove_gpu(gpu_node)
    gpu_node.installs()
    assert lines(gpu_node) == [f"cdi {KIND}: missing (the driver has no GPU)"]
    assert cdi(gpu_node)["problems"] == [problem("no_gpu")]


@pytest.mark.parametrize("text", [None, "", "damaged"])
def test_a_lost_or_damaged_specification_is_not_written(gpu_node: Node, text: str | None) -> None:
    gpu_node.installs()
    spec_file(gpu_node).unlink()
    if text is not None:
        spec_file(gpu_node).write_text(text)
    assert lines(gpu_node) == [f"cdi {KIND}: missing (install or wait could not write it; see its log)"]
    assert cdi(gpu_node) == {"wanted": [KIND], "written": [], "problems": [problem("not_written")]}


def test_beside_the_gpu_operator_its_toolkit_has_them(gpu_node: Node) -> None:
    gpu_node.installs()
    spec_file(gpu_node).unlink()
    (gpu_node.proc / "self/mounts").write_text(f"overlay {gpu_node.host}/run/nvidia/driver overlay rw 0 0\n")
    assert lines(gpu_node) == [f"cdi {KIND}: missing (nvidia-driver leaves CDI to the GPU Operator's toolkit)"]


def test_the_metric_has_each_kind(reporting: Node) -> None:
    reporting.environment["CDI_KINDS"] = f"{KIND} {PLUGIN}"
    other_file(reporting, OTHER)
    reporting.installs()
    assert metric(reporting) == {KIND: 0, PLUGIN: 1}


@pytest.mark.parametrize("without", ["kinds", "gpu"])
def test_a_node_that_needs_none_has_no_metric(reporting: Node, without: str) -> None:
    if without == "gpu":
        remove_gpu(reporting)
    else:
        reporting.environment["CDI_KINDS"] = "off"
    reporting.installs()
    assert "cdi_specification" not in node_report.on(reporting, node_report.METRICS).read_text()


def test_wait_tells_the_metric_of_a_specification_that_it_withdraws(reporting: Node) -> None:
    reporting.installs()
    assert metric(reporting) == {KIND: 1}
    with waiting(reporting) as process:
        other = other_file(reporting, OTHER)
        until(lambda: metric(reporting) == {KIND: 0})
        other.unlink()
        until(lambda: metric(reporting) == {KIND: 1})
        stop(process)


def test_a_bug_report_has_the_state_and_the_names_of_other_files(complete: Node) -> None:
    other_file(complete, OTHER)
    files = report(complete)
    assert "/var/run/cdi/nvidia.yaml describes the same devices" in files["status.txt"]
    assert json.loads(files["status.json"])["cdi"]["problems"]
    assert "nvidia.yaml" in files["folders.txt"]
