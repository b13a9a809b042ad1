"""The upgrade of one node: looks at it, and does the next step, until it is finished or has failed."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lifecycle.errors import InstallerError
from lifecycle.rollout.cluster import Cluster
from lifecycle.rollout.errors import (
    DriverFailedError,
    DriverLateError,
    JobsLateError,
    NodeTakenError,
    TemplateChangedError,
)
from lifecycle.rollout.model import FleetNode, InstallerPod, Mark
from lifecycle.rollout.next_step import BEFORE, REPLACING, Aim, Look, Step, next_step
from lifecycle.rollout.plan import Planned
from lifecycle.rollout.stop import RunStoppedError, Stop

_SHOWN = 5


class Outcome(StrEnum):
    """The end of a node in a run."""

    DONE = "done"
    GONE = "gone"
    RETURNED = "returned"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    LEFT = "left"


@dataclass(frozen=True, kw_only=True)
class NodeResult:
    """The end of a node: the last step, the error if it failed, and whether this run has left it cordoned (`held`)."""

    planned: Planned
    outcome: Outcome
    step: Step | None = None
    error: InstallerError | None = None
    held: bool = False


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a run: its name, the time limits and the pause between two looks in seconds."""

    run: str
    drain_timeout: float
    ready_timeout: float
    poll: float
    evict: bool = False
    pause: Mapping[str, str] = field(default_factory=dict)


class NodeUpgrade:
    """The upgrade of one node. `say` takes a line for people."""

    def __init__(
        self, cluster: Cluster, planned: Planned, settings: Settings, stop: Stop, say: Callable[[str], None]
    ) -> None:
        self._cluster, self._planned, self._settings, self._stop = cluster, planned, settings, stop
        self._say_line = say
        self._said = ""
        self._step: Step | None = None
        self._mark: Mark | None = None
        self._deleted: frozenset[str] = frozenset()
        self._since: dict[str, float] = {}
        self._refusals: tuple[str, ...] = ()

    def run(self) -> NodeResult:
        """Upgrade the node, and return its end; an error is part of it."""
        try:
            while True:
                outcome = self._turn()
                if outcome:
                    return self._result(outcome)
                self._stop.wait(self._settings.poll)
        except RunStoppedError:
            return self._result(Outcome.INTERRUPTED, held=self._mark is not None)
        except InstallerError as error:
            return self._result(Outcome.FAILED, error=error, held=self._mark is not None)

    def _result(self, outcome: Outcome, *, error: InstallerError | None = None, held: bool = False) -> NodeResult:
        return NodeResult(planned=self._planned, outcome=outcome, step=self._step, error=error, held=held)

    def _turn(self) -> Outcome | None:
        """Look at the node and do one step. Return its end, or None if there is more to do."""
        look = self._cluster.look(self._planned.node, self._planned.installer)
        mark = look.node.mark if look.node else None
        if self._mark is None and mark and mark.run == self._settings.run:
            # The answer to our own change was lost.
            self._mark = mark
        failing = any(pod.failure for pod in look.pods)
        aim = Aim(
            run=self._settings.run,
            revision=self._planned.installer.revision,
            taken=self._mark is not None,
            deleted=self._deleted,
            failing=self._elapsed("failing") if failing else self._forget("failing"),
        )
        self._step = step = next_step(look, aim)
        if look.node is None:
            self._say("the cluster does not have it any more")
            return Outcome.GONE
        if self._stop.early and step in BEFORE:
            self._stop.wait(0)
            return self._return(look.node)
        return self._do(step, look, look.node)

    def _do(self, step: Step, look: Look, node: FleetNode) -> Outcome | None:
        if step is Step.FINISH:
            return self._finish(node)
        if step is Step.CORDON:
            self._take(node)
        elif step in (Step.WAIT_FOR_JOBS, Step.WAIT_FOR_OTHERS):
            self._drain(look)
        elif step is Step.REPLACE:
            self._replace(look.pods)
        elif step in REPLACING:
            self._await(step, look.pods)
        else:
            raise self._problem(step, look.pods)
        return None

    def _take(self, node: FleetNode) -> None:
        old = node.mark
        labels = {name: node.labels.get(name) for name in self._settings.pause}
        mark = Mark(
            run=self._settings.run,
            installer=self._planned.installer.name,
            cordoned=not node.cordoned or (old is not None and old.cordoned),
            labels={**labels, **(old.labels if old else {})},
        )
        if self._cluster.take(node, mark, self._settings.pause):
            self._mark = mark
            self._say("cordoned" if mark.cordoned else "somebody had cordoned it; it stays so")

    def _return(self, node: FleetNode) -> Outcome | None:
        if self._mark is None:
            return Outcome.LEFT
        if not self._cluster.give_back(node, self._mark):
            return None
        self._mark = None
        self._say("keeps its driver, as the rollout stops; it is given back")
        return Outcome.RETURNED

    def _finish(self, node: FleetNode) -> Outcome | None:
        mark = self._mark
        if mark is None or not self._cluster.give_back(node, mark):
            return None
        self._mark = None
        version = self._planned.installer.version
        self._say(f"driver {version} is ready; {'uncordoned' if mark.cordoned else 'still cordoned by somebody else'}")
        return Outcome.DONE

    def _drain(self, look: Look) -> None:
        if look.users and self._settings.evict:
            refusals = [self._cluster.evict(user) for user in look.users if user.evictable]
            self._refusals = tuple(dict.fromkeys(said for said in refusals if said))
        names = [f"{user} ({user.why})" for user in look.users] or list(look.leaving)
        whom = _some(names)
        if self._elapsed("drain") >= self._settings.drain_timeout:
            raise JobsLateError(self._planned.node, whom, self._refusals, self._settings.drain_timeout)
        self._say(f"waits for {whom}{f'; {self._refusals[0]}' if self._refusals else ''}")

    def _replace(self, pods: Sequence[InstallerPod]) -> None:
        for pod in pods:
            if not pod.ending:
                self._say(f"deletes the pod {pod.name}")
                self._cluster.delete(pod)
                self._deleted |= {pod.uid}

    def _await(self, step: Step, pods: Sequence[InstallerPod]) -> None:
        failure = next((pod.failure for pod in pods if pod.failure), None)
        if self._elapsed("ready") >= self._settings.ready_timeout:
            raise DriverLateError(self._planned.node, step, failure, self._settings.ready_timeout)
        self._say(f"{failure}; it is tried again" if failure else _WAITING[step])

    def _problem(self, step: Step, pods: Sequence[InstallerPod]) -> InstallerError:
        node = self._planned.node
        if step is Step.LOST:
            self._mark = None
            return NodeTakenError(node)
        if step is Step.CHANGED:
            return TemplateChangedError(node, self._planned.installer.name)
        pod = next(pod for pod in pods if pod.failure and not pod.ending)
        return DriverFailedError(node, self._cluster.namespace, pod)

    def _say(self, text: str) -> None:
        """Say a line, once."""
        if text != self._said:
            self._said = text
            self._say_line(f"{self._planned.node}: {text}")

    def _elapsed(self, what: str) -> float:
        """Return the seconds since the first call for something."""
        now = time.monotonic()
        return now - self._since.setdefault(what, now)

    def _forget(self, what: str) -> float:
        self._since.pop(what, None)
        return 0.0


_WAITING = {
    Step.WAIT_FOR_END: "waits until the old pod has ended",
    Step.WAIT_FOR_POD: "waits for a new pod",
    Step.WAIT_FOR_READY: "waits until the new pod is ready",
}


def _some(names: Sequence[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
