"""The findings of Helm, and of the cluster's rights, against a Kubernetes API of the tests."""

import sys
from pathlib import Path

import pytest
import yaml

from lifecycle.doctor import cluster
from lifecycle.doctor.cluster import check_cluster, check_helm
from lifecycle.doctor.examination import Check, examine
from lifecycle.doctor.finding import Finding, State
from tests.support.builders.fleets import kubeconfig_for
from tests.support.servers.kubernetes_server import World, kubernetes_server
from tests.support.servers.processes import free_port


def in_cluster(folder: Path, address: str) -> Finding:
    """Return the finding of a kubeconfig for an address."""
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig_for(address)))
    (found,) = examine([Check(subject="cluster", run=lambda: check_cluster({"KUBECONFIG": str(path)}))])
    return found


def test_a_user_with_all_rights_is_ok(tmp_path: Path) -> None:
    with kubernetes_server(World()) as address:
        found = in_cluster(tmp_path, address)

    assert (found.state, found.remedy) == (State.OK, "")


def test_a_missing_right_is_a_warning_that_names_it(tmp_path: Path) -> None:
    with kubernetes_server(World(denied={"patch nodes"})) as address:
        found = in_cluster(tmp_path, address)

    assert found.state is State.WARNING
    assert "patch nodes" in found.text
    assert "`invoke rollout` needs these rights." in found.remedy


def test_a_cluster_that_does_not_answer_is_an_error_with_its_address(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"

    found = in_cluster(tmp_path, address)

    assert found.state is State.ERROR
    assert address in found.text


def test_a_file_that_is_no_kubeconfig_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("clusters: 4\n")

    (found,) = examine([Check(subject="cluster", run=lambda: check_cluster({"KUBECONFIG": str(path)}))])

    assert found.state is State.ERROR
    assert str(path) in found.text


def test_a_machine_without_a_kubeconfig_is_skipped(tmp_path: Path) -> None:
    (found,) = check_cluster({"KUBECONFIG": str(tmp_path / "missing")})

    assert found.state is State.SKIPPED
    assert "`invoke rollout` needs it." in found.remedy


def test_a_machine_without_kubernetes_library_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)

    (found,) = check_cluster({})

    assert found.state is State.SKIPPED
    assert "requirements/rollout.txt" in found.text + found.remedy


def test_helms_program_is_shown_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\necho v3.9.9+g1234\n")
    program.chmod(0o755)
    monkeypatch.setattr(cluster, "has_library", lambda: False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    (found,) = check_helm()

    assert (found.state, found.text) == (State.OK, "the program, v3.9.9+g1234")


def test_a_machine_without_helm_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "has_library", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))

    (found,) = check_helm()

    assert found.state is State.SKIPPED
    assert "requirements/helm.txt" in found.remedy
    assert "`invoke manifests` needs it." in found.remedy
