"""Tasks that upgrade the drivers of a fleet and show its state."""

import os

from invoke.collection import Collection
from invoke.context import Context

from lifecycle.app.task import JSON, task

_NAMESPACE = "kube-system"  # `invoke manifests` renders the chart for it
_TARGET = {
    "only": "installers: debian-13/550, debian-13, 550, globs; comma-separated (default: all)",
    "selector": "labels of the nodes, as for kubectl (default: all nodes)",
    "namespace": "namespace of the chart's Helm release (default: kube-system)",
    "context": "context of the kubeconfig (default: its current context)",
    "kubeconfig": "kubeconfig file (default: as kubectl finds it)",
}


@task(
    name="start",
    help={
        **_TARGET,
        "wave": "nodes to upgrade at the same time: 3, or a share of them: 10% (default: 1)",
        "evict": "evict GPU pods within their PodDisruptionBudgets, instead of waiting for their end",
        "pause-labels": "labels that a node has during its upgrade: NAME=VALUE,… (default: none)",
        "drain-timeout": "time for GPU pods to end: 90s, 30m, 12h, 2d (default: 1h)",
        "ready-timeout": "time for the new driver to be ready (default: 15m)",
        "dry-run": "show the waves and change nothing",
        "json": JSON,
    },
    example="invoke rollout --wave 10% --dry-run",
    next_step="invoke rollout.status",
)
def start(
    _: Context,
    only: str = "",
    selector: str = "",
    namespace: str = _NAMESPACE,
    context: str = "",
    kubeconfig: str = "",
    wave: str = "1",
    evict: bool = False,
    pause_labels: str = "",
    drain_timeout: str = "1h",
    ready_timeout: str = "15m",
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Upgrade the drivers of a fleet, in waves that respect jobs."""
    from lifecycle.rollout.run import Options, Target, show_rollout

    target = Target(namespace=namespace, only=only, selector=selector, context=context, kubeconfig=kubeconfig)
    options = Options(
        wave=wave,
        evict=evict,
        pause_labels=pause_labels,
        drain_timeout=drain_timeout,
        ready_timeout=ready_timeout,
        dry_run=dry_run,
        as_json=json,
    )
    show_rollout(target, options, os.environ)


@task(
    name="status",
    help={**_TARGET, "json": JSON},
    example="invoke rollout.status --only 550",
    next_step="invoke rollout --dry-run",
)
def status(
    _: Context,
    only: str = "",
    selector: str = "",
    namespace: str = _NAMESPACE,
    context: str = "",
    kubeconfig: str = "",
    json: bool = False,
) -> None:
    """Show the nodes of each installer: current, old, failed."""
    from lifecycle.rollout.run import Target, show_status

    target = Target(namespace=namespace, only=only, selector=selector, context=context, kubeconfig=kubeconfig)
    show_status(target, os.environ, as_json=json)


rollout = Collection("rollout", status)
rollout.add_task(start, default=True)
