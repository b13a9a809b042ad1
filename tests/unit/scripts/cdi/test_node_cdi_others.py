"""Tests of CDI specifications of other programs: of the same kind, before, while and after the installer has its own."""

from subprocess import Popen

import pytest

from tests.support.machines.node_cdi import OTHER, PLUGIN, other_file, spec, spec_file
from tests.support.machines.node_host import Node, uninstalls
from tests.support.machines.node_processes import stop, two_polls_later, until, waiting

SAID = (
    "containers get no GPU by CDI (nvidia.com/gpu) from nvidia-installer, because /var/run/cdi/nvidia.yaml describes "
    "the same devices; remove it, or change CDI_KINDS"
)
MANY_DEVICES = "- name: mig\n  containerEdits:\n    deviceNodes:\n    - path: /dev/nvidia0\n" * 1500


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nvidia.yaml", OTHER),
        ("nvidia.yaml", 'kind: "nvidia.com/gpu" # NVIDIA\n'),
        ("nvidia.yaml", "---\r\nkind: 'nvidia.com/gpu'\r\n"),
        ("nvidia.yaml", "{cdiVersion: 0.5.0, kind: nvidia.com/gpu}"),
        ("nvidia.yaml", f"cdiVersion: 0.5.0\ndevices:\n{MANY_DEVICES}kind: nvidia.com/gpu"),
        (".nvidia.yaml", OTHER),
        ("nvidia.json", '{"cdiVersion":"0.5.0","kind":"nvidia.com/gpu","devices":[]}'),
        ("nvidia.json", '{\n  "kind":\n    "nvidia.com/gpu"\n}'),
    ],
)
def test_devices_that_another_program_describes_are_left_to_it(gpu_node: Node, name: str, text: str) -> None:
    other_file(gpu_node, text, name)
    gpu_node.environment["CDI_KINDS"] = f"nvidia.com/gpu {PLUGIN}"
    said = gpu_node.installs()
    assert SAID.replace("nvidia.yaml", name) in said
    assert not spec_file(gpu_node).exists()
    assert spec(gpu_node, PLUGIN)["kind"] == PLUGIN


@pytest.mark.parametrize(
    "text", ["management.nvidia.com/gpu", "nvidia.com/gpu-extra", "nvidia-com/gpu", "x # kind: nvidia.com/gpu"]
)
def test_a_similar_kind_is_no_conflict(gpu_node: Node, text: str) -> None:
    other_file(gpu_node, f"kind: {text}\n#kind: nvidia.com/gpu\n")
    gpu_node.installs()
    assert spec_file(gpu_node).exists()


@pytest.mark.parametrize("name", ["nvidia.yaml.bak", "folder/nvidia.yaml"])
def test_a_file_that_engines_do_not_read_is_no_conflict(gpu_node: Node, name: str) -> None:
    other_file(gpu_node, OTHER, name)
    gpu_node.installs()
    assert spec_file(gpu_node).exists()


def test_a_link_leads_where_it_does_on_the_host(gpu_node: Node) -> None:
    (gpu_node.host / "etc/cdi").mkdir(parents=True)
    other_file(gpu_node, "kind: x/y").unlink()
    (gpu_node.host / "var/run/cdi/nvidia.yaml").symlink_to("/etc/cdi/nvidia.yaml")
    gpu_node.installs()
    assert spec_file(gpu_node).exists()
    (gpu_node.host / "etc/cdi/nvidia.yaml").write_text(OTHER)
    assert SAID in gpu_node.installs()
    assert not spec_file(gpu_node).exists()


def test_uninstall_leaves_the_file_of_another_program(gpu_node: Node) -> None:
    other = other_file(gpu_node, OTHER)
    gpu_node.installs()
    uninstalls(gpu_node)
    assert list(other.parent.iterdir()) == [other]


def test_install_withdraws_a_specification_that_another_program_has_now(gpu_node: Node) -> None:
    gpu_node.installs()
    other_file(gpu_node, OTHER)
    assert SAID in gpu_node.installs()
    assert not spec_file(gpu_node).exists()


def test_wait_writes_a_specification_when_that_of_another_is_gone(gpu_node: Node) -> None:
    other = other_file(gpu_node, OTHER)
    gpu_node.installs()
    with waiting(gpu_node) as process:
        assert said_line(process) == SAID
        other.unlink()
        until(spec_file(gpu_node).exists)
        assert stop(process) == ""


def test_wait_withdraws_a_specification_once_another_program_has_one(gpu_node: Node) -> None:
    gpu_node.installs()
    with waiting(gpu_node) as process:
        two_polls_later(process)
        other = other_file(gpu_node, OTHER)
        until(lambda: not spec_file(gpu_node).exists())
        two_polls_later(process)
        assert said_line(process) == SAID
        other.unlink()
        until(spec_file(gpu_node).exists)
        other_file(gpu_node, OTHER)
        until(lambda: not spec_file(gpu_node).exists())
        assert stop(process) == f"nvidia-installer: {SAID}\n"


def test_wait_notices_a_file_that_gets_another_kind(gpu_node: Node) -> None:
    other = other_file(gpu_node, OTHER)
    gpu_node.installs()
    with waiting(gpu_node) as process:
        other.write_text(OTHER.replace("nvidia.com", "vendor.example"))
        until(spec_file(gpu_node).exists)
        other.write_text(OTHER)
        until(lambda: not spec_file(gpu_node).exists())
        stop(process)


def test_only_the_kind_of_the_other_program_is_withdrawn(gpu_node: Node) -> None:
    gpu_node.environment["CDI_KINDS"] = f"nvidia.com/gpu {PLUGIN}"
    gpu_node.installs()
    before = spec_file(gpu_node, PLUGIN).stat().st_ino
    with waiting(gpu_node) as process:
        other_file(gpu_node, OTHER)
        until(lambda: not spec_file(gpu_node).exists())
        two_polls_later(process)
        stop(process)
    assert spec_file(gpu_node, PLUGIN).stat().st_ino == before


def test_a_poll_beside_another_program_starts_no_program(gpu_node: Node) -> None:
    other_file(gpu_node, OTHER)
    gpu_node.installs()
    gpu_node.environment["PERSISTENCE"] = "off"
    programs = ("find", "grep", "modinfo", "mv", "nvidia-smi", "readlink", "rm", "sed", "stat")
    for program in programs:
        gpu_node.stub(program, f'exec {program} "$@"')
    with waiting(gpu_node) as process:
        two_polls_later(process)
        (gpu_node.folder / "calls").rename(gpu_node.folder / "calls-before")
        two_polls_later(process)
        stop(process)
    assert [gpu_node.calls(program) for program in programs] == [[]] * len(programs)


def said_line(process: Popen[str]) -> str:
    """Return the next message of a process."""
    assert process.stderr
    return process.stderr.readline().removeprefix("nvidia-installer: ").rstrip("\n")
