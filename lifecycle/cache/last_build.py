"""The record of the last build that did anything: its phases and steps with their times, for `invoke report`."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from lifecycle.cache.cache import Cache
from lifecycle.cache.core_use import CoreSampler

_RECORD = "last-build.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Phase(_Part):
    """A part of a build that runs alone; `started` is in seconds from the start of the build."""

    title: str
    started: float
    seconds: float


class Step(_Part):
    """A step that ran beside others. It made `makes` of `needs`, both digests of targets; `worker` is the number of its thread."""

    title: str
    kind: str
    name: str
    makes: tuple[str, ...]
    needs: tuple[str, ...]
    started: float
    seconds: float
    worker: int
    failed: bool


class Cores(_Part):
    """The share of time in percent that each core was busy, `busy[core][interval]`, from `started` on; see CoreUse."""

    started: float = 0
    seconds: float = 1
    busy: tuple[tuple[int, ...], ...] = ()


class LastBuild(_Part):
    """A build. `reused` and `taken` count the targets that existed, here or in the remote cache, by kind."""

    started: datetime
    seconds: float
    combinations: int
    compiles: int
    jobs: int
    reused: Mapping[str, int]
    taken: Mapping[str, int]
    phases: tuple[Phase, ...]
    steps: tuple[Step, ...]
    cores: Cores


class BuildRecorder:
    """The clock of one build. Several threads may record steps at the same time."""

    def __init__(self) -> None:
        self._at, self._started = datetime.now(UTC), time.monotonic()
        self._lock = threading.Lock()
        self._workers: dict[int, int] = {}
        self._phases: list[Phase] = []
        self._steps: list[Step] = []
        self._cores = Cores()
        self._compiles, self._jobs = 0, 0

    @contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """Record the block as a phase, even if it fails."""
        started = self._now()
        try:
            yield
        finally:
            self._phases.append(Phase(title=title, started=started, seconds=round(self._now() - started, 2)))

    @contextmanager
    def cores(self) -> Iterator[None]:
        """Sample this machine's cores while the block runs."""
        started = self._now()
        with CoreSampler() as sampler:
            yield
        use = sampler.use()
        self._cores = Cores(started=started, seconds=use.seconds, busy=use.busy)

    def note_concurrency(self, compiles: int, jobs: int) -> None:
        """Record the number of concurrent compiles, and of make's jobs in each."""
        self._compiles, self._jobs = compiles, jobs

    def add_step(
        self,
        title: str,
        *,
        kind: str,
        name: str,
        makes: Sequence[str],
        needs: Sequence[str],
        seconds: float,
        failed: bool,
    ) -> None:
        """Record a step that this thread has just ended."""
        with self._lock:
            worker = self._workers.setdefault(threading.get_ident(), len(self._workers))
            self._steps.append(
                Step(
                    title=title,
                    kind=kind,
                    name=name,
                    makes=tuple(makes),
                    needs=tuple(needs),
                    started=round(max(0.0, self._now() - seconds), 2),
                    seconds=round(seconds, 2),
                    worker=worker,
                    failed=failed,
                )
            )

    def record(self, *, combinations: int, reused: Mapping[str, int], taken: Mapping[str, int]) -> LastBuild:
        """Return the record of the build until now."""
        return LastBuild(
            started=self._at,
            seconds=self._now(),
            combinations=combinations,
            compiles=self._compiles,
            jobs=self._jobs,
            reused=reused,
            taken=taken,
            phases=tuple(self._phases),
            steps=tuple(sorted(self._steps, key=lambda step: step.started)),
            cores=self._cores,
        )

    def _now(self) -> float:
        return round(time.monotonic() - self._started, 2)


def note_last_build(cache: Cache, build: LastBuild) -> None:
    """Save a build as the last one. If that fails, the report shows an older one."""
    with suppress(OSError):
        cache.write(cache.root / _RECORD, build.model_dump_json(indent=1))


def read_last_build(cache: Cache) -> LastBuild | None:
    """Return the last build, or None if there was none, or its record is damaged."""
    try:
        return LastBuild.model_validate_json((cache.root / _RECORD).read_bytes())
    except (OSError, ValidationError):
        return None
