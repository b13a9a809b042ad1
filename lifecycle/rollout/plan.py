"""The plan of a rollout: the nodes whose driver is old, in waves. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lifecycle.errors import UsageError
from lifecycle.rollout.model import Installer, Member, State

_COUNT = re.compile(r"([1-9][0-9]{0,5})(%?)")
_ALL_PERCENT = 100
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class BadWaveError(UsageError):
    """A size of waves that is none."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"--wave={text}: write a number of nodes, such as 3, or a share of them up to 100%, such as 10%"
        )


class BadDurationError(UsageError):
    """A duration that is none."""

    def __init__(self, option: str, text: str) -> None:
        super().__init__(f"{option}={text}: write a duration such as 90s, 30m, 12h or 2d")


class NoInstallerError(UsageError):
    """A selection that no installer of the namespace matches."""

    def __init__(self, only: str, namespace: str, labels: Sequence[str]) -> None:
        if labels:
            super().__init__(f"--only={only} matches no installer: choose from {', '.join(labels)}")
        else:
            super().__init__(
                f"--namespace={namespace} has no installer: name the namespace of the chart's Helm release"
            )


def seconds_of(option: str, text: str) -> float:
    """Return the seconds of a duration such as `30m`. Raises BadDurationError."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise BadDurationError(option, text)
    return int(match[1]) * _SECONDS[match[2]]


@dataclass(frozen=True)
class WaveSize:
    """The size of waves: a number of nodes, or a share of all nodes of the selected installers in percent."""

    count: int
    percent: bool = False

    @classmethod
    def parse(cls, text: str) -> "WaveSize":
        """Return the size that `3` or `10%` stands for. Raises BadWaveError."""
        match = _COUNT.fullmatch(text)
        if not match or (match[2] and int(match[1]) > _ALL_PERCENT):
            raise BadWaveError(text)
        return cls(int(match[1]), percent=bool(match[2]))

    def of(self, nodes: int) -> int:
        """Return the number of nodes in a wave: a share is rounded down, and at least one node."""
        return max(1, nodes * self.count // _ALL_PERCENT) if self.percent else self.count


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A node that gets a new pod, and the reason. `begun` is True if an earlier rollout has left its mark on it."""

    node: str
    installer: Installer
    reason: str
    begun: bool = False


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A node that is left alone, and the reason. `outdated` is True if it needs a new pod all the same."""

    node: str
    installer: Installer
    reason: str
    outdated: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The waves, one after the other; `size` nodes are the most in one. `current` is the number of nodes with nothing to do."""

    waves: tuple[tuple[Planned, ...], ...]
    skipped: tuple[Skipped, ...]
    size: int
    current: int

    @property
    def nodes(self) -> tuple[Planned, ...]:
        """All nodes of the waves, in their order."""
        return tuple(node for wave in self.waves for node in wave)


def select(installers: Sequence[Installer], only: str, namespace: str) -> tuple[Installer, ...]:
    """Return the installers that a list of `release/driver`, `release` or `driver` selects, with globs; "" selects all.

    Raises NoInstallerError.
    """
    patterns = [pattern.strip() for pattern in only.split(",") if pattern.strip()]
    chosen = tuple(i for i in installers if not patterns or any(_matches(i, pattern) for pattern in patterns))
    if not chosen:
        raise NoInstallerError(only, namespace, [installer.label for installer in installers])
    return chosen


def _matches(installer: Installer, pattern: str) -> bool:
    release, slash, driver = pattern.partition("/")
    if slash:
        return fnmatchcase(installer.release, release or "*") and fnmatchcase(installer.driver, driver or "*")
    return any(fnmatchcase(name, pattern) for name in (installer.release, installer.driver, installer.name))


def make_plan(fleet: Sequence[Member], size: WaveSize) -> Plan:
    """Return the plan for a fleet. Nodes that a rollout has begun with come first, then the others by name."""
    planned, skipped, current = [], [], 0
    for member in fleet:
        reason = _unfit(member)
        if reason:
            skipped.append(_skip(member, reason))
        elif member.node.mark or member.is_old:
            planned.append(member)
        elif member.state is State.CURRENT:
            current += 1
        else:
            skipped.append(_skip(member, _unready(member)))
    planned.sort(key=lambda member: (member.node.mark is None, member.node.name))
    nodes = [
        Planned(node=m.node.name, installer=m.installer, reason=_reason(m), begun=m.node.mark is not None)
        for m in planned
    ]
    count = size.of(len(fleet))
    waves = tuple(tuple(nodes[at : at + count]) for at in range(0, len(nodes), count))
    return Plan(waves=waves, skipped=tuple(skipped), size=count, current=current)


def _skip(member: Member, reason: str) -> Skipped:
    return Skipped(
        node=member.node.name,
        installer=member.installer,
        reason=reason,
        outdated=member.is_old or member.node.mark is not None,
    )


def _unfit(member: Member) -> str:
    """Return why a node cannot be upgraded now, or ""."""
    if not member.installer.revision:
        return "Kubernetes has not yet seen the new template of its DaemonSet"
    if not member.installer.on_delete and (member.is_old or member.node.mark):
        return "its DaemonSet has updateStrategy RollingUpdate, so Kubernetes replaces the pod itself"
    if member.others:
        return "pods of several installers run on it"
    if member.node.leaving:
        return "the node is being deleted"
    if not member.node.ready and (member.is_old or member.node.mark):
        return "the node is not ready"
    return ""


def _unready(member: Member) -> str:
    failure = member.pod.failure if member.pod else None
    return f"its pod is up to date and not ready{f': {failure}' if failure else ''}"


def _reason(member: Member) -> str:
    begun = "a rollout has begun with it; " if member.node.mark else ""
    if member.pod is None:
        return f"{begun}it has no pod"
    if not member.is_old:
        return f"{begun}its new pod is {'ready' if member.pod.ready else 'not ready'}"
    stays = "; somebody cordoned it, and it stays so" if member.node.cordoned and not member.node.mark else ""
    old, new = member.pod.version, member.installer.version
    return f"{begun}{f'driver {old} → {new}' if old != new else f'driver {new} with other settings'}{stays}"
