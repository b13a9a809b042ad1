"""A runner of jobs in the order of their needs, several at a time. A failed job skips only the jobs that need it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter

from lifecycle.errors import InstallerError
from lifecycle.tools.threads import wait_for_some


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that makes keys and needs other keys.

    `work` returns the errors of the keys that it failed to make, or raises one for all of them. It starts after the jobs that
    make the keys of `after`, even if those failed. Only a few heavy jobs run at the same time.
    """

    makes: tuple[str, ...]
    needs: tuple[str, ...]
    work: Callable[[], Mapping[str, InstallerError]]
    heavy: bool = False
    after: tuple[str, ...] = ()


class DependencyFailedError(InstallerError):
    """A job that was skipped because it needs a key that was not made."""

    def __init__(self, needed: str) -> None:
        super().__init__("not tried, because something that it needs was not made")
        self.needed = needed


def run_graph(jobs: Iterable[Job], *, workers: int, heavy: int, abort: Callable[[], None]) -> dict[str, InstallerError]:
    """Run all jobs and return the error of each key that was not made.

    At most `workers` jobs, and at most `heavy` heavy ones, run at a time. A need that no job makes counts as made.
    Any exception but an InstallerError ends the run and is raised, also Ctrl-C; `abort` is called to end the running work.
    """
    maker = {key: job for job in jobs for key in job.makes}
    sorter: TopologicalSorter[str] = TopologicalSorter(
        {
            job.makes[0]: {maker[key].makes[0] for key in (*job.needs, *job.after) if key in maker}
            for job in maker.values()
        }
    )
    sorter.prepare()
    failed: dict[str, InstallerError] = {}
    running: dict[Future[Mapping[str, InstallerError]], Job] = {}
    ready: list[Job] = []
    with ThreadPoolExecutor(workers) as pool, _aborting(pool, abort):
        while sorter.is_active():
            ready += [maker[key] for key in sorter.get_ready()]
            for job in _startable(ready, running.values(), heavy):
                ready.remove(job)
                bad = next((need for need in job.needs if need in failed), None)
                running[pool.submit(_refuse, bad) if bad else pool.submit(job.work)] = job
            for future in wait_for_some(running):
                job = running.pop(future)
                failed.update(_errors(future, job))
                sorter.done(job.makes[0])
    return failed


@contextmanager
def _aborting(pool: ThreadPoolExecutor, abort: Callable[[], None]) -> Iterator[None]:
    """Start no more jobs after an exception, and call `abort` before waiting for the running ones."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        abort()
        raise


def _startable(ready: Iterable[Job], running: Iterable[Job], heavy: int) -> list[Job]:
    free = heavy - sum(job.heavy for job in running)
    result = []
    for job in ready:
        if not job.heavy:
            result.append(job)
        elif free > 0:
            result.append(job)
            free -= 1
    return result


def _refuse(needed: str) -> Mapping[str, InstallerError]:
    raise DependencyFailedError(needed)


def _errors(future: Future[Mapping[str, InstallerError]], job: Job) -> Mapping[str, InstallerError]:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, InstallerError):
        return dict.fromkeys(job.makes, error)
    raise error
