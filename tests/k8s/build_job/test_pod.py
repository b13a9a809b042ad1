"""A pod that builds, as the chart is rendered, without Kubernetes: its commands, environment and files, on this machine.

Git comes over SSH from a server on loopback, with the Secret's key, and the engine is one of the pod's own.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.shards import Shard, chosen
from tests.support.charts.build_chart import USUAL, container, rendered_build
from tests.support.charts.installer_chart import Rendered
from tests.support.charts.pods import environment
from tests.support.committed_copy import committed_copy
from tests.support.git import git
from tests.support.servers.container_engine import own_bridge
from tests.support.servers.registry_server import registry_server
from tests.support.servers.ssh_server import ssh_server

BRIDGE, SHARDS, SECONDS = "en-pod", 3, 300
OF_THE_POD = ("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false")


@dataclass(frozen=True)
class Pod:
    """The folders that are mounted into the pod's containers, by the names of its volumes, and what it is rendered to."""

    folder: Path
    chart: Rendered
    more: Mapping[str, str]

    def start(self, name: str, *words: str, **environ: str) -> "subprocess.Popen[bytes]":
        """Start a container's very command, with its environment; paths are those of the mounts."""
        found = container(self.chart, name)
        mounts = {mount["mountPath"]: str(self.folder / mount["name"]) for mount in found["volumeMounts"]}

        def here(text: str) -> str:
            for inside, outside in mounts.items():
                text = text.replace(inside, outside)
            return text

        told = {variable: here(value) for variable, value in environment(found).items()}
        command = [here(word) for word in (*found["command"], *found.get("args", []), *words)]
        kept = {
            variable: value for variable, value in os.environ.items() if not variable.startswith(("GIT_", "DOCKER_"))
        }
        with (self.folder / f"{name}.out").open("w") as out, (self.folder / f"{name}.log").open("w") as log:
            return subprocess.Popen(command, env={**kept, **told, **self.more, **environ}, stdout=out, stderr=log)

    def run(self, name: str, *words: str, **environ: str) -> tuple[int, str]:
        """Run a container to its end: its exit code, and what it printed."""
        code = self.start(name, *words, **environ).wait(SECONDS)
        return code, (self.folder / f"{name}.out").read_text()

    def said(self, name: str) -> str:
        """Return the standard error of a container."""
        return (self.folder / f"{name}.log").read_text()


@contextmanager
def running_engine(pod: Pod) -> Iterator["subprocess.Popen[bytes]"]:
    """Start the container `engine`, beside which another container can run, and wait for its end."""
    for name in ("lock", "docker.sock"):
        (pod.folder / "engine" / name).unlink(missing_ok=True)
    process = pod.start("engine")
    try:
        yield process
    finally:
        # Where a test failed it is not told of the end.
        with (pod.folder / "engine/lock").open("a"):
            process.wait(SECONDS)


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """Start the servers that a pod needs, run its container `checkout`, and stop the servers at the end."""
    folder = tmp_path_factory.mktemp("pod")
    origin = committed_copy(folder / "origin")
    with ssh_server(folder / "ssh") as server, registry_server(folder / "store") as store, own_bridge(BRIDGE, 200):
        data = [f"--{name}={folder / name}" for name in ("data-root", "exec-root", "pidfile")]
        names = [f"--containerd-namespace={folder.name}", f"--containerd-plugins-namespace={folder.name}-plugins"]
        values = {
            **USUAL,
            "repository": f"ssh://{server.place}{origin}",
            "revision": git(origin, "rev-parse", "HEAD"),
            "repositorySecret": "deploy-key",
            "shards": SHARDS,
            "args": ["--dry-run", "--json"],
            "engine": {"args": [*data, *names, f"--bridge={BRIDGE}", *OF_THE_POD]},
        }
        chart = rendered_build(values)
        made = Pod(folder, chart, {"INVOKE_STORE": f"{store.host}/store"})
        for name in ("scripts", "work", "engine", "repository"):
            (folder / name).mkdir()
        for name, text in chart.all("ConfigMap")[0]["data"].items():
            (folder / "scripts" / name).write_text(text)
            (folder / "scripts" / name).chmod(0o555)
        (folder / "repository/ssh-privatekey").write_bytes((folder / "ssh/user").read_bytes())
        (folder / "repository/ssh-privatekey").chmod(0o400)
        (folder / "repository/known_hosts").write_bytes((folder / "ssh/known").read_bytes())
        code, out = made.run("checkout")
        assert code == 0, made.said("checkout")
        assert out.startswith("checkout: ")
        yield made


def combinations(plan: Sequence[Mapping[str, Any]]) -> set[str]:
    return {name for action in plan for name in action["combinations"]}


def test_the_checkout_is_the_very_commit(pod: Pod) -> None:
    checkout = pod.folder / "work/checkout"

    assert git(checkout, "rev-parse", "HEAD") == git(pod.folder / "origin", "rev-parse", "HEAD")
    assert git(checkout, "status", "--porcelain") == ""


def test_each_pod_plans_its_own_shard_and_its_engine_ends_with_it(pod: Pod) -> None:
    project = load_locked_project(pod.folder / "work/checkout")
    for index in range(SHARDS):
        with running_engine(pod) as engine:
            code, out = pod.run("build", JOB_COMPLETION_INDEX=str(index))
            assert code == 0, pod.said("build")
            ended = engine.wait(SECONDS)
        plan = json.loads(out[out.index("[\n") :])

        assert combinations(plan) == {c.id for c in chosen(project, "", Shard(index=index + 1, count=SHARDS))}
        assert {action["run"] for action in plan} == {True}
        assert ended == 0, pod.said("engine")


def test_a_build_that_fails_fails_the_pod_and_ends_the_engine(pod: Pod) -> None:
    with running_engine(pod) as engine:
        code, _ = pod.run("build", "--only=nowhere", JOB_COMPLETION_INDEX="0")
        ended = engine.wait(SECONDS)

    assert (code, ended) == (2, 0)
    assert "--only 'nowhere' matches no combination" in pod.said("build")


def test_a_build_that_is_killed_ends_the_engine_too(pod: Pod) -> None:
    with running_engine(pod) as engine:
        build = pod.start("build", JOB_COMPLETION_INDEX="0")
        while not (pod.folder / "engine/lock").exists():
            assert build.poll() is None, pod.said("build")
        build.send_signal(signal.SIGKILL)
        build.wait(SECONDS)

        assert engine.wait(SECONDS) == 0, pod.said("engine")


def test_an_index_that_nobody_gave_starts_nothing(pod: Pod) -> None:
    with running_engine(pod) as engine:
        code, _ = pod.run("build")
        engine.wait(SECONDS)

    assert code == 1
    assert "JOB_COMPLETION_INDEX: unbound variable" in pod.said("build")
