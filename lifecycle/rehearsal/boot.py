"""`invoke rehearse --boot`: each target's kernel is booted in QEMU, where its image replaces an older one and the other way round.

`nox -s test_node` boots the machines, because they are part of the tests: it reads a BootPlan and writes BootOutcomes beside it.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lifecycle.app.session import Session
from lifecycle.cache.cache import default_cache_dir
from lifecycle.errors import InstallerError, UsageError
from lifecycle.planning.required_inputs import boot_warning
from lifecycle.rehearsal.assess import GroupVerdict, Reason, Verdict
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.labels import LABEL_DRIVER, LABEL_KERNEL
from lifecycle.tools.process import run_in_view

PLAN, OUTCOMES = "plan.json", "outcomes.json"
_STDERR = 2


class BootPair(BaseModel):
    """A combination whose image replaces another one of its kernel; `old` and `new` are ids of images in the engine."""

    model_config = ConfigDict(frozen=True)

    combination: str
    old: str
    old_driver: str
    new: str
    new_driver: str

    @property
    def name(self) -> str:
        """The name for people, and for a folder of logs."""
        return f"{self.combination} after {self.old_driver}"


class BootPlan(BaseModel):
    """The machines to boot."""

    model_config = ConfigDict(frozen=True)

    pairs: tuple[BootPair, ...]


class BootOutcome(BaseModel):
    """The result of a boot: the versions that the kernel reported after each installation, and what went wrong ("" for nothing)."""

    model_config = ConfigDict(frozen=True)

    pair: BootPair
    drivers: tuple[str, ...] = ()
    problem: str = ""


class BootOutcomes(BaseModel):
    """The results of all boots."""

    model_config = ConfigDict(frozen=True)

    outcomes: tuple[BootOutcome, ...]


class BootFailedError(InstallerError):
    """A session of nox that ended before a machine booted."""

    def __init__(self, code: int) -> None:
        super().__init__(
            f"no machine was booted: `nox -s test_node` ended with exit code {code}, see above",
            resolution="Correct that, or leave out --boot.",
        )


class OtherCacheError(UsageError):
    """A boot with another cache than the one that tests read."""

    def __init__(self) -> None:
        super().__init__("--boot reads the default cache: set XDG_CACHE_HOME in place of --cache-dir")


# ----- pure


def find_pair(group: GroupVerdict, images: Mapping[str, LocalImage]) -> BootPair | None:
    """Return the machine for a group; None without a built image for its kernel and another one to come from.

    `images` are the engine's by the digest of their inputs. The old image is that of the driver now, or else any of the kernel's.
    """
    combination, new = group.target.combination, images.get(group.image.inputs) if group.image else None
    if combination is None or new is None:
        return None
    others = [
        image
        for image in images.values()
        if image.labels.get(LABEL_KERNEL) == combination.kernel
        and image.labels.get(LABEL_DRIVER, combination.driver) != combination.driver
    ]
    others.sort(key=lambda image: (image.labels[LABEL_DRIVER] != group.kind.driver, image.labels[LABEL_DRIVER]))
    if not others:
        return None
    return BootPair(
        combination=combination.id,
        old=others[0].id,
        old_driver=others[0].labels[LABEL_DRIVER],
        new=new.id,
        new_driver=combination.driver,
    )


def with_outcome(group: GroupVerdict, outcome: BootOutcome) -> GroupVerdict:
    """Return a group with what its boot has shown; a problem blocks it."""
    if not outcome.problem:
        return replace(group, booted=outcome.drivers)
    text = f"on its kernel, {outcome.pair.new_driver} after {outcome.pair.old_driver} fails: {outcome.problem}"
    reason = Reason(verdict=Verdict.BLOCKED, text=text, remedy="read the console's log below build/node")
    return replace(group, booted=outcome.drivers, boot_failed=True, reasons=(reason, *group.reasons))


# ----- effects


def boot_groups(session: Session, groups: Sequence[GroupVerdict]) -> list[GroupVerdict]:
    """Boot a machine for each target and driver to come from, and return the groups with the results.

    A group that no machine can stand for stays as it is, with a warning. Raises BootFailedError, OtherCacheError,
    EngineUnreachableError.
    """
    if session.cache.root != default_cache_dir(session.environ):
        raise OtherCacheError
    images = session.state().images
    pairs = {number: pair for number, group in enumerate(groups) if (pair := _bootable(session, group, images))}
    for line in dict.fromkeys(_left_out(groups, pairs)):
        session.progress.warn(line)
    if not pairs:
        return list(groups)
    with session.cache.scratch("rehearse") as folder:
        outcomes = {outcome.pair: outcome for outcome in _boot(session, dict.fromkeys(pairs.values()), folder)}
    return [
        with_outcome(group, outcomes[pairs[number]]) if number in pairs and pairs[number] in outcomes else group
        for number, group in enumerate(groups)
    ]


def _bootable(session: Session, group: GroupVerdict, images: Mapping[str, LocalImage]) -> BootPair | None:
    combination = group.target.combination
    if combination is None:
        return None
    kernel = session.locked_project.lock.kernel_for(combination)
    return None if boot_warning(combination.release, kernel) else find_pair(group, images)


def _left_out(groups: Iterable[GroupVerdict], pairs: Mapping[int, BootPair]) -> Iterator[str]:
    for number, group in enumerate(groups):
        if group.target.combination and number not in pairs:
            yield f"{group.target.combination.id} is not booted: the engine needs its image and another one of its kernel"


def _boot(session: Session, pairs: Iterable[BootPair], folder: Path) -> tuple[BootOutcome, ...]:
    plan = BootPlan(pairs=tuple(pairs))
    (folder / PLAN).write_text(plan.model_dump_json(), encoding="utf-8")
    only = ",".join(dict.fromkeys(pair.combination for pair in plan.pairs))
    command = [sys.executable, "-m", "nox", "--session", "test_node", "--"]
    command += [f"--only={only}", f"--rehearsal={folder / PLAN}", "-k", "rehearsal"]
    session.progress.say(f"booting {len(plan.pairs)} of the images' kernels, some minutes each")
    # Its output is progress, so that stdout has nothing but the result.
    code, _ = run_in_view(command, folder=session.root, stdout=_STDERR)
    try:
        return BootOutcomes.model_validate_json((folder / OUTCOMES).read_bytes()).outcomes
    except (OSError, ValidationError) as error:
        raise BootFailedError(code) from error
