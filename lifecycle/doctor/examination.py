"""Run checks at the same time, each with a time limit, and return their findings in the order of the checks."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from time import monotonic

from lifecycle.doctor.finding import Finding, Subject
from lifecycle.errors import InstallerError, SystemRefusedError

# Seconds until a check counts as failed. All checks begin together, so this is the longest run too.
LIMIT = 15.0


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check of one subject. It may raise InstallerError and OSError, which become findings."""

    subject: str
    run: Callable[[], Iterable[Finding]]


def examine(checks: Sequence[Check], *, limit: float = LIMIT) -> Iterator[Finding]:
    """Yield the findings of all checks in their order, each as soon as it and those before are known.

    A check that takes longer than `limit` seconds from now is an error, and is not waited for. What else a check raises is a bug,
    and is raised here.
    """
    end = monotonic() + limit
    started = [(check, _start(check)) for check in checks]
    for check, future in started:
        try:
            yield from future.result(timeout=max(end - monotonic(), 0))
        except TimeoutError:
            yield Subject(check.subject).error(
                f"no result within {limit:g} s",
                "Something does not answer: see the other lines, and run `invoke doctor --debug`.",
            )


def _start(check: Check) -> "Future[list[Finding]]":
    """Run a check in a thread that does not keep the process from ending, unlike those of a pool."""
    future: Future[list[Finding]] = Future()

    def work() -> None:
        try:
            future.set_result(_findings(check))
        except BaseException as error:
            # Raised again in the thread that waits.
            future.set_exception(error)

    threading.Thread(target=work, name=f"doctor {check.subject}", daemon=True).start()
    return future


def _findings(check: Check) -> list[Finding]:
    subject = Subject(check.subject)
    found: list[Finding] = []
    try:
        found.extend(check.run())
    except InstallerError as error:
        found.append(subject.failure(error))
    except OSError as error:
        found.append(subject.failure(SystemRefusedError(error)))
    return found
