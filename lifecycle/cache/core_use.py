"""The use of this machine's processor cores over time, from /proc/stat (proc(5))."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_STAT = Path("/proc/stat")
# Fields of a line of a core: user nice system idle iowait …; a core is idle in these two.
_IDLE = (4, 5)
_MOST = 240


@dataclass(frozen=True, kw_only=True)
class CoreUse:
    """The share of time, in percent, that each core was busy: `busy[core][interval]`. Each interval has `seconds`."""

    seconds: float
    busy: tuple[tuple[int, ...], ...]


class CoreSampler:
    """A thread that samples the cores while a `with` block runs. It costs one read of a small file a sample.

    A long block has longer intervals, so that there are never more than some hundred samples. Where /proc/stat cannot be
    read, there are none.
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._samples: list[tuple[tuple[int, int], ...]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="core-sampler", daemon=True)

    def __enter__(self) -> "CoreSampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def use(self) -> CoreUse:
        """Return the use of the cores so far."""
        return core_use(self._samples, self._seconds)

    def _run(self) -> None:
        due = time.monotonic()
        while (sample := read_cores(_STAT)) and not self._ended.wait(max(0.0, due - time.monotonic())):
            self._samples.append(sample)
            if len(self._samples) > _MOST:
                self._samples = self._samples[::2]
                self._seconds *= 2
            due += self._seconds


def read_cores(path: Path) -> tuple[tuple[int, int], ...]:
    """Return the busy and all ticks of each core since the machine started; nothing if the file cannot be read."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return ()
    found = []
    for words in (line.split() for line in lines if line.startswith("cpu") and not line.startswith("cpu ")):
        # The ticks of guests, fields 9 and 10, are counted in user and nice too.
        ticks = [int(word) for word in words[1:9]]
        idle = sum(ticks[field - 1] for field in _IDLE)
        found.append((sum(ticks) - idle, sum(ticks)))
    return tuple(found)


def core_use(samples: Sequence[Sequence[tuple[int, int]]], seconds: float) -> CoreUse:
    """Return the use between samples of `read_cores`, which are some seconds apart. Cores that come or go are left out."""
    cores = min((len(sample) for sample in samples), default=0)
    pairs = list(pairwise(samples))
    busy = tuple(tuple(_percent(before[core], after[core]) for before, after in pairs) for core in range(cores))
    return CoreUse(seconds=seconds, busy=busy if pairs else ())


def _percent(before: tuple[int, int], after: tuple[int, int]) -> int:
    passed = after[1] - before[1]
    return min(100, max(0, round(100 * (after[0] - before[0]) / passed))) if passed > 0 else 0
