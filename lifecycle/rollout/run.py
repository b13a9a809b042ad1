"""`invoke rollout` and `invoke rollout.status`: new drivers for the nodes of a fleet, in waves."""

import re
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from lifecycle.app import output
from lifecycle.errors import UsageError
from lifecycle.rollout.api import Api
from lifecycle.rollout.cluster import Cluster
from lifecycle.rollout.errors import NodesSkippedError, RolloutInterruptedError, RolloutStoppedError
from lifecycle.rollout.fleet import MARK
from lifecycle.rollout.kubeconfig import open_client
from lifecycle.rollout.model import Installer
from lifecycle.rollout.plan import Plan, Planned, WaveSize, make_plan, seconds_of, select
from lifecycle.rollout.show import (
    plan_data,
    print_plan,
    print_status,
    results_data,
    status_data,
    summary,
)
from lifecycle.rollout.stop import Stop
from lifecycle.rollout.upgrade import NodeResult, NodeUpgrade, Outcome, Settings
from lifecycle.tools.terminal.progress import Progress
from lifecycle.tools.threads import wait_for_some

_POLL = 3.0
_LOOKS_PER_SECOND = 10
_CONNECTIONS = 32
# Looks at a DaemonSet until its controller has seen a new template.
_LOOKS = 10
_LABEL = re.compile(r"(?P<name>[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?)=(?P<value>[A-Za-z0-9._-]{0,63})")


class BadLabelError(UsageError):
    """A label of --pause-labels that is none."""

    def __init__(self, text: str) -> None:
        super().__init__(f"--pause-labels: {text!r} is no label: write NAME=VALUE, several separated by commas")


@dataclass(frozen=True, kw_only=True)
class Target:
    """The cluster and the part of its fleet that a command is about; "" is the default of each option."""

    namespace: str
    only: str = ""
    selector: str = ""
    context: str = ""
    kubeconfig: str = ""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a rollout, as the command line has them."""

    wave: str
    evict: bool
    pause_labels: str
    drain_timeout: str
    ready_timeout: str
    dry_run: bool
    as_json: bool


# ----- pure


def parse_labels(text: str) -> dict[str, str]:
    """Return the labels of `a=b,c=d`. Raises BadLabelError."""
    found = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        match = _LABEL.fullmatch(item)
        if not match or match["name"] == MARK:
            raise BadLabelError(item)
        found[match["name"]] = match["value"]
    return found


def poll_seconds(wave: int) -> float:
    """Return the pause between two looks at a node: the API server gets at most so many looks a second."""
    return max(_POLL, wave / _LOOKS_PER_SECOND)


# ----- effects


def _open(target: Target, environ: Mapping[str, str], stop: Stop) -> Cluster:
    client = open_client(target.kubeconfig, target.context, environ, connections=_CONNECTIONS)
    return Cluster(Api(client, stop.wait), target.namespace)


def show_status(target: Target, environ: Mapping[str, str], *, as_json: bool) -> None:
    """Print the state of a fleet. Raises ApiError, NoInstallerError, and what `open_client` raises."""
    cluster = _open(target, environ, Stop())
    installers = select(cluster.installers(), target.only, target.namespace)
    fleet = cluster.fleet(installers, target.selector)
    if as_json:
        output.print_json(status_data(installers, fleet))
    else:
        print_status(installers, fleet)


def show_rollout(target: Target, options: Options, environ: Mapping[str, str]) -> None:
    """Upgrade the nodes of a fleet whose driver is old, or print the plan.

    Raises UsageError for an option, ApiError, RolloutStoppedError, RolloutInterruptedError, NodesSkippedError.
    """
    size = WaveSize.parse(options.wave)
    settings = _settings(options)
    stop = Stop()
    cluster = _open(target, environ, stop)
    installers = _settled(cluster, target, stop)
    plan = make_plan(cluster.fleet(installers, target.selector), size)
    if options.dry_run:
        output.print_json(plan_data(plan)) if options.as_json else print_plan(plan)
        return
    if plan.nodes:
        cluster.check_rights()
    settings = replace(settings, poll=poll_seconds(plan.size))
    results = Waves(cluster, plan, settings, stop, Progress()).run()
    if options.as_json:
        output.print_json(results_data(results))
    _end(plan, results, stop)


def _settled(cluster: Cluster, target: Target, stop: Stop) -> tuple[Installer, ...]:
    """Return the selected installers; right after an upgrade of the release, wait a little for Kubernetes to see the templates."""
    for _ in range(_LOOKS):
        found = select(cluster.installers(), target.only, target.namespace)
        if all(installer.revision for installer in found):
            break
        stop.wait(_POLL)
    return found


def _settings(options: Options) -> Settings:
    return Settings(
        run=uuid.uuid4().hex[:12],
        drain_timeout=seconds_of("--drain-timeout", options.drain_timeout),
        ready_timeout=seconds_of("--ready-timeout", options.ready_timeout),
        poll=_POLL,
        evict=options.evict,
        pause=parse_labels(options.pause_labels),
    )


class Waves:
    """The waves of a plan, one after the other; the nodes of a wave at the same time, because most of the time is waiting."""

    def __init__(self, cluster: Cluster, plan: Plan, settings: Settings, stop: Stop, progress: Progress) -> None:
        self._cluster, self._plan, self._settings, self._stop = cluster, plan, settings, stop
        self._progress = progress

    def run(self) -> list[NodeResult]:
        """Return the ends of all planned nodes, in the order of the plan. A failure or a signal ends the waves."""
        plan = self._plan
        self._progress.say(
            f"{output.plural(len(plan.nodes), 'node')} to upgrade in {output.plural(len(plan.waves), 'wave')}; "
            f"{plan.current} up to date; {len(plan.skipped)} skipped"
        )
        ends: dict[str, NodeResult] = {}
        for number, wave in enumerate(plan.waves, start=1):
            if self._stop.early:
                break
            self._progress.say(f"wave {number} of {len(plan.waves)}: {', '.join(node.node for node in wave)}")
            ends.update((result.planned.node, result) for result in self._wave(wave))
        left = {node.node: NodeResult(planned=node, outcome=Outcome.LEFT) for node in plan.nodes}
        return [*{**left, **ends}.values()]

    def _wave(self, wave: Sequence[Planned]) -> list[NodeResult]:
        futures: list[Future[NodeResult]] = []
        with ThreadPoolExecutor(max_workers=len(wave)) as pool:
            try:
                for node in wave:
                    futures.append(pool.submit(self._upgrade, node))  # noqa: PERF401 - a signal keeps those that run
                running = set(futures)
                while running:
                    for future in wait_for_some(running):
                        running.remove(future)
                        self._notice(future)
            except KeyboardInterrupt:
                self._progress.say("stopping …")
                self._stop.end_now()
            except BaseException:
                self._stop.end_now()
                raise
        return [future.result() for future in futures]

    def _upgrade(self, node: Planned) -> NodeResult:
        return NodeUpgrade(self._cluster, node, self._settings, self._stop, self._progress.say).run()

    def _notice(self, future: "Future[NodeResult]") -> None:
        result = future.result()
        if result.outcome is Outcome.FAILED:
            self._stop.finish_begun()
            if result.error:
                self._progress.warn(result.error.brief)


def _end(plan: Plan, results: Sequence[NodeResult], stop: Stop) -> None:
    """Say how a rollout ended. Raises RolloutStoppedError, RolloutInterruptedError, NodesSkippedError."""
    failures = [result.error for result in results if result.error]
    lines = summary(results)
    text = "\n".join(f"  {line}" for line in lines)
    if failures:
        raise RolloutStoppedError(failures, text)
    if stop.early:
        raise RolloutInterruptedError(text)
    Progress().say("\n".join(lines) if results else "nothing to upgrade")
    skipped = [f"{skip.node}: {skip.reason}" for skip in plan.skipped if skip.outdated]
    if skipped:
        raise NodesSkippedError(skipped)
