"""The end of a run before its time: after a failure, or on a signal."""

import threading


class RunStoppedError(Exception):
    """A pause of a worker whose run has to end at once. It never leaves the rollout."""


class Stop:
    """The flags that end a run; several threads may use them.

    `early` means that no more drivers are replaced; nodes whose driver is being replaced are finished. `now` ends all pauses.
    """

    def __init__(self) -> None:
        self._early = threading.Event()
        self._now = threading.Event()

    @property
    def early(self) -> bool:
        """True if no more drivers are to be replaced."""
        return self._early.is_set()

    def finish_begun(self) -> None:
        """Let the workers finish the nodes whose driver they are replacing, and begin no other."""
        self._early.set()

    def end_now(self) -> None:
        """End all workers at their next pause."""
        self._now.set()
        self._early.set()

    def wait(self, seconds: float) -> None:
        """Pause. Raises RunStoppedError as soon as the run has to end at once."""
        if self._now.wait(seconds):
            raise RunStoppedError
