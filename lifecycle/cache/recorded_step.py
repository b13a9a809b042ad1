"""A step of a build: shown while it runs, and recorded at its end."""

import time
from collections.abc import Callable

from lifecycle.cache.last_build import BuildRecorder
from lifecycle.planning.targets import Target
from lifecycle.tools.terminal.progress import Progress


class RecordedStep:
    """The display of a step, whose time is recorded at its end. `waits` are the digests of what it had to wait for."""

    def __init__(
        self,
        progress: Progress,
        recorder: BuildRecorder,
        seconds: dict[str, float],
        targets: tuple[Target, ...],
        waits: tuple[str, ...],
        title: str,
    ) -> None:
        self._shown = progress.step(title)
        self._recorder, self._seconds, self._title = recorder, seconds, title
        self._targets, self._waits, self._failed = targets, waits, False
        self._started = time.monotonic()

    def __enter__(self) -> Callable[[], None]:
        show_failure = self._shown.__enter__()

        def fail() -> None:
            self._failed = True
            show_failure()

        return fail

    def __exit__(self, *failure: object) -> None:
        seconds, first = time.monotonic() - self._started, self._targets[0]
        self._seconds[first.digest] = seconds
        self._recorder.add_step(
            self._title,
            kind=first.kind,
            name=first.name,
            makes=[target.digest for target in self._targets],
            needs=self._waits,
            seconds=seconds,
            failed=self._failed or failure[0] is not None,
        )
        self._shown.__exit__(*failure)  # type: ignore[arg-type]
