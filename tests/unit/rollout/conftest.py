from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lifecycle.rollout import run
from lifecycle.rollout.api import Api
from lifecycle.rollout.cluster import Cluster
from lifecycle.rollout.kubeconfig import open_client
from lifecycle.rollout.run import Options, Target, show_rollout
from tests.support.builders.fleets import NAMESPACE, NEW, OLD, daemon_set, kubeconfig_for, node, pod, revision
from tests.support.servers.kubernetes_server import World, kubernetes_server

DEFAULTS = Options(
    wave="1", evict=False, pause_labels="", drain_timeout="1h", ready_timeout="15m", dry_run=False, as_json=False
)


@pytest.fixture
def start(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a rollout over the cluster, with short pauses; keywords are options."""
    monkeypatch.setattr(run, "_POLL", 0.01)
    monkeypatch.setattr(run, "_LOOKS_PER_SECOND", 10000)

    def begin(selector: str = "", **options: Any) -> None:  # noqa: ANN401 - the fields of Options
        target = Target(namespace="kube-system", kubeconfig=str(kubeconfig), selector=selector)
        show_rollout(target, replace(DEFAULTS, **options), {})

    return begin


@pytest.fixture
def world() -> World:
    """Return a cluster with an installer whose newest template is its second, and no node."""
    return World(
        sets={"set": daemon_set()}, revisions={OLD: revision(OLD, 1), NEW: revision(NEW, 2), "rolled": revision("x", 0)}
    )


@pytest.fixture
def grow(world: World) -> Callable[..., None]:
    """Add nodes with a pod of the old template, or of another one."""

    def add(*names: str, revision: str = OLD) -> None:
        for name in names:
            world.nodes[name] = node(name)
            world.pods[f"pod-{name}"] = pod(f"pod-{name}", name, revision=revision)

    return add


@pytest.fixture
def kubeconfig(world: World, tmp_path: Path) -> Iterator[Path]:
    """Serve the cluster, and return a kubeconfig for it."""
    with kubernetes_server(world) as address:
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(kubeconfig_for(address)))
        yield path


@pytest.fixture
def pauses() -> list[float]:
    """Return the seconds that the requests have paused for."""
    return []


@pytest.fixture
def api(kubeconfig: Path, pauses: list[float]) -> Api:
    """Return the API of the cluster; a pause is only noted."""
    return Api(open_client(str(kubeconfig), "", {}, connections=4), pauses.append)


@pytest.fixture
def cluster(api: Api) -> Cluster:
    return Cluster(api, NAMESPACE)
