"""The last build as a picture: its phases, its steps in lanes, the use of the cores, and the chain that it waited for. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lifecycle.cache.last_build import LastBuild, Step

WIDTH = 1000
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MOST_TICKS = 9
# A picture of more columns than this shows averages.
_COLUMNS = 120


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A step or a phase in the picture; `x` and `width` are of WIDTH, times in seconds. `waited` is the time for a free slot."""

    title: str
    kind: str
    started: float
    seconds: float
    x: float
    width: float
    failed: bool = False
    critical: bool = False
    waited: float = 0
    after: str = ""

    @property
    def ended(self) -> float:
        """The end in seconds from the start of the build."""
        return self.started + self.seconds


@dataclass(frozen=True, kw_only=True)
class CoreBlock:
    """The use of a core in percent, from `x` on."""

    x: float
    width: float
    percent: int


@dataclass(frozen=True, kw_only=True)
class CoreRow:
    """A core: the use in each block, and the average in percent."""

    average: int
    blocks: tuple[CoreBlock, ...]


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A mark of the time axis."""

    x: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The picture of a build. `lanes` are the steps by the thread that ran them, `chain` the steps that decided its length."""

    build: LastBuild
    phases: tuple[Bar, ...]
    lanes: tuple[tuple[Bar, ...], ...]
    chain: tuple[Bar, ...]
    cores: tuple[CoreRow, ...]
    ticks: tuple[Tick, ...]

    @property
    def steps(self) -> list[Bar]:
        """All steps in the order of their start."""
        return sorted((bar for lane in self.lanes for bar in lane), key=lambda bar: bar.started)


def timeline_of(build: LastBuild) -> Timeline:
    """Return the picture of a build."""
    scale = WIDTH / max(build.seconds, 0.1)
    by_target = {digest: step for step in build.steps for digest in step.makes}
    chain = critical_chain(build.steps)
    critical = {step.makes for step in chain}
    bars = {step.makes: _bar(step, scale, _before(step, by_target), step.makes in critical) for step in build.steps}
    workers = sorted({step.worker for step in build.steps})
    return Timeline(
        build=build,
        phases=tuple(
            Bar(
                title=phase.title,
                kind="phase",
                started=phase.started,
                seconds=phase.seconds,
                x=_round(phase.started * scale),
                width=_width(phase.seconds * scale),
            )
            for phase in build.phases
        ),
        lanes=tuple(tuple(bars[step.makes] for step in build.steps if step.worker == worker) for worker in workers),
        chain=tuple(bars[step.makes] for step in chain),
        cores=tuple(_core(build, busy, scale) for busy in build.cores.busy),
        ticks=tuple(_ticks(build.seconds, scale)),
    )


def critical_chain(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that decided when the last one ended, from the first on: each waited for the one before it."""
    by_target = {digest: step for step in steps for digest in step.makes}
    chain: list[Step] = []
    step = max(steps, key=lambda one: one.started + one.seconds, default=None)
    while step is not None and step not in chain:
        chain.append(step)
        step = _before(step, by_target)
    return chain[::-1]


def _before(step: Step, by_target: Mapping[str, Step]) -> Step | None:
    """Return the step that a step waited for longest, or None."""
    needed = [by_target[digest] for digest in step.needs if digest in by_target]
    return max(needed, key=lambda one: one.started + one.seconds, default=None)


def _bar(step: Step, scale: float, before: Step | None, critical: bool) -> Bar:
    ready = before.started + before.seconds if before else step.started
    return Bar(
        title=step.title,
        kind=step.kind,
        started=step.started,
        seconds=step.seconds,
        x=_round(step.started * scale),
        width=_width(step.seconds * scale),
        failed=step.failed,
        critical=critical,
        waited=max(0.0, _round(step.started - ready)),
        after=before.title if before else "",
    )


def _core(build: LastBuild, busy: Sequence[int], scale: float) -> CoreRow:
    size = -(-len(busy) // _COLUMNS) or 1
    blocks = [busy[start : start + size] for start in range(0, len(busy), size)]
    width = build.cores.seconds * scale
    return CoreRow(
        average=round(sum(busy) / len(busy)) if busy else 0,
        blocks=tuple(
            CoreBlock(
                x=_round(build.cores.started * scale + number * size * width),
                width=_round(len(block) * width),
                percent=round(sum(block) / len(block)),
            )
            for number, block in enumerate(blocks)
        ),
    )


def _ticks(seconds: float, scale: float) -> list[Tick]:
    step = next((one for one in _TICKS if seconds / one <= _MOST_TICKS), _TICKS[-1])
    return [Tick(x=_round(at * scale), text=_short(at)) for at in range(0, int(seconds) + 1, step)]


def _short(seconds: int) -> str:
    """Return a time without its last part if that is zero: `10 min`."""
    return duration(seconds).removesuffix(" 00 s").removesuffix(" 00 min")


def duration(seconds: float) -> str:
    """Return a time as text for people: `0.4 s`, `48 s`, `3 min 05 s`, `1 h 02 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds else "0 s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _round(value: float) -> float:
    return round(value, 1)


def _width(value: float) -> float:
    """Return a width that can still be seen."""
    return max(1.5, _round(value))
