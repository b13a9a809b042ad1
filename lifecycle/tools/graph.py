"""Runs work in the order of its needs, as much at a time as is good; what fails takes along only what needs it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter

from lifecycle.errors import InstallerError


@dataclass(frozen=True, kw_only=True)
class Job:
    """A piece of work that makes some keys out of others.

    `work` returns the errors of the keys that it could not make, or raises one for all of them. It starts when the keys of
    `after` are done with, whether they were made or not. Heavy jobs share the machine with few others of their kind.
    """

    makes: tuple[str, ...]
    needs: tuple[str, ...]
    work: Callable[[], Mapping[str, InstallerError]]
    heavy: bool = False
    after: tuple[str, ...] = ()


class DependencyFailedError(InstallerError):
    """Not tried, because something that it needs was not made."""

    def __init__(self, needed: str) -> None:
        super().__init__("not tried, because something that it needs was not made")
        self.needed = needed


def run_graph(jobs: Iterable[Job], *, workers: int, heavy: int, abort: Callable[[], None]) -> dict[str, InstallerError]:
    """Run all jobs and return the error of each key that was not made.

    `workers` is how many run at a time, `heavy` how many of the heavy ones; needs that no job makes count as made.
    Any other exception, Ctrl-C included, ends the run: `abort` is called, which has to make running work end soon.
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
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                job = running.pop(future)
                failed.update(_errors(future, job))
                sorter.done(job.makes[0])
    return failed


@contextmanager
def _aborting(pool: ThreadPoolExecutor, abort: Callable[[], None]) -> Iterator[None]:
    """On an exception start nothing more, and call `abort` before the pool is waited for."""
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
