"""Tests of the start-up taint: the very script, environment and kubectl of the pod, against an API server on loopback."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.charts.installer_chart import container_of, pod_of, refusal, rendered
from tests.support.charts.pods import environment
from tests.support.servers.node_api import NodeApi, node_api

CHART = rendered({"startupTaint": {"enabled": True}})
(DEPLOYMENT,) = CHART.component("startup-taint")
KEY = environment(container_of(DEPLOYMENT, "startup-taint"))["TAINT_KEY"]
SECONDS, INTERVAL = 60, 0.1


@pytest.fixture
def api() -> Iterator[NodeApi]:
    with node_api() as started:
        yield started


@contextmanager
def running(api: NodeApi, folder: Path, *shell: str) -> Iterator[None]:
    """Run the script as the pod does, with a shell of BusyBox, which the image has."""
    (folder / "work").mkdir(exist_ok=True)
    api.write_kubeconfig(folder / "kubeconfig")
    script = folder / "startup-taint"
    script.write_text(CHART.one("ConfigMap", "nvidia-installer-startup-taint")["data"]["startup-taint"])
    pod = {**environment(container_of(DEPLOYMENT, "startup-taint")), "WORK": str(folder / "work"), "HOME": str(folder)}
    environ = {"PATH": os.environ["PATH"], "KUBECONFIG": str(folder / "kubeconfig"), **pod}
    with (folder / "log").open("w") as log:
        command = [*(shell or ("busybox", "sh")), str(script)]
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
        try:
            yield
            assert process.poll() is None, (folder / "log").read_text()
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(look: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SECONDS
    while not look():
        assert time.monotonic() < deadline
        time.sleep(INTERVAL)


@pytest.mark.parametrize("shell", [("busybox", "sh"), ("bash",)])
def test_a_ready_node_loses_the_taint_and_keeps_all_others(
    api: NodeApi, tmp_path: Path, shell: tuple[str, ...]
) -> None:
    api.add_node("a", "gpu", KEY, "other")
    api.set_pod("a", ready=True)
    with running(api, tmp_path, *shell):
        wait_for(lambda: api.taints("a") == ["gpu", "other"])


def test_nodes_that_are_not_ready_keep_it_until_they_are(api: NodeApi, tmp_path: Path) -> None:
    for name in ("ready", "later", "ending", "without"):
        api.add_node(name, KEY)
    api.set_pod("ready", ready=True)
    api.set_pod("later", ready=False)
    api.set_pod("ending", ready=True, deleted=True)
    with running(api, tmp_path):
        wait_for(lambda: api.taints("ready") == [])
        before = [api.taints(name) for name in ("later", "ending", "without")]
        api.set_pod("later", ready=True)
        wait_for(lambda: api.taints("later") == [])

    assert before == [[KEY]] * 3
    assert [api.taints(name) for name in ("ending", "without")] == [[KEY]] * 2


def test_a_node_that_joins_later_loses_it_too(api: NodeApi, tmp_path: Path) -> None:
    with running(api, tmp_path):
        wait_for(lambda: any(path.endswith("/pods") for _, path in api.requests))
        api.add_node("new", KEY)
        api.set_pod("new", ready=False)
        api.set_pod("new", ready=True)
        wait_for(lambda: api.taints("new") == [])


def test_a_node_with_the_key_twice_loses_both(api: NodeApi, tmp_path: Path) -> None:
    api.add_node("a", KEY, "gpu", KEY)
    api.set_pod("a", ready=True)
    with running(api, tmp_path):
        wait_for(lambda: api.taints("a") == ["gpu"])


def test_a_taint_that_comes_between_is_not_lost(api: NodeApi, tmp_path: Path) -> None:
    api.add_node("a", "gpu", KEY)
    api.before_patch = lambda: api.nodes["a"]["spec"]["taints"].insert(0, {"key": "late", "effect": "NoExecute"})
    api.set_pod("a", ready=True)
    with running(api, tmp_path):
        wait_for(lambda: api.taints("a") == ["late", "gpu"])


def test_it_goes_on_when_the_api_server_ends_the_watch(api: NodeApi, tmp_path: Path) -> None:
    api.add_node("a", KEY)
    api.set_pod("a", ready=True)
    with running(api, tmp_path):
        wait_for(lambda: api.taints("a") == [])
        api.end_watch()
        api.add_node("b", KEY)
        api.set_pod("b", ready=True)
        wait_for(lambda: api.taints("b") == [])


@pytest.mark.parametrize("shell", [("busybox", "sh"), ("bash",)])
def test_a_name_that_comes_in_two_parts_is_one_name(
    api: NodeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: tuple[str, ...]
) -> None:
    calls = tmp_path / "calls"
    calls.touch()
    kubectl = tmp_path / "bin/kubectl"
    kubectl.parent.mkdir()
    # The pause is longer than the second in which names are collected.
    names = "printf 'node-a\\nno'; sleep 2; printf 'de-b\\n'; exec sleep 60"
    kubectl.write_text(f'#!/bin/sh\ncase "$*" in "get pods"*) {names} ;; *) echo "$@" >>{calls} ;; esac\n')
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{kubectl.parent}:{os.environ['PATH']}")
    with running(api, tmp_path, *shell):
        wait_for(lambda: "de-b" in calls.read_text())
    words = calls.read_text().split()
    assert [word for word in words if word.startswith(("no", "de-")) and word != "nodes"] == ["node-a", "node-b"]


def test_a_container_that_is_restarted_in_its_pod_goes_on(api: NodeApi, tmp_path: Path) -> None:
    with running(api, tmp_path):
        wait_for(lambda: api.requests)
    api.add_node("a", KEY)
    api.set_pod("a", ready=True)
    with running(api, tmp_path):
        wait_for(lambda: api.taints("a") == [])


def test_a_node_that_is_gone_stops_nothing(api: NodeApi, tmp_path: Path) -> None:
    api.set_pod("gone", ready=True)
    api.add_node("a", KEY)
    api.set_pod("a", ready=True)
    with running(api, tmp_path):
        wait_for(lambda: api.taints("a") == [])


def test_of_many_nodes_each_is_read_once_and_only_tainted_ones_are_changed(api: NodeApi, tmp_path: Path) -> None:
    names = [f"node-{number}" for number in range(120)]
    for name in names:
        api.add_node(name, "gpu", *([KEY] if name == names[-1] else []))
        api.set_pod(name, ready=True)
    with running(api, tmp_path):
        wait_for(lambda: api.taints(names[-1]) == ["gpu"])
    paths = [(method, path.rpartition("/")[2]) for method, path in api.requests if "/nodes/" in path]

    assert [name for method, name in paths if method == "PATCH"] == [names[-1]]
    assert {paths.count(("GET", name)) for name in names[:100]} == {1}


def test_the_pod_runs_where_all_nodes_have_the_taint() -> None:
    assert {"key": KEY, "operator": "Exists"} in pod_of(DEPLOYMENT)["tolerations"]


def test_the_autoscaler_knows_the_taint_by_its_name() -> None:
    # kubernetes/autoscaler, cluster-autoscaler/FAQ.md, "Startup taints"
    assert KEY.startswith("startup-taint.cluster-autoscaler.kubernetes.io/")


@pytest.mark.parametrize(
    "key", ["node.kubernetes.io/not-ready", "node.gardener.cloud/critical-components-not-ready", "a b", ""]
)
def test_taints_of_others_are_refused(key: str) -> None:
    assert "/startupTaint/key" in refusal({"startupTaint": {"enabled": True, "key": key}})
