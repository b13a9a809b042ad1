"""The judgement of a coming kernel: what is known already is read, and only the rest is compiled, into the cache."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from lifecycle.cache.cache import Cache
from lifecycle.cache.last_used import note_used
from lifecycle.cache.patch_states import PatchState
from lifecycle.cache.results import Result
from lifecycle.checks.symvers import Symvers, read_symvers
from lifecycle.config.lock import kernel_key
from lifecycle.config.schema import ModuleType
from lifecycle.errors import InstallerError
from lifecycle.pipeline.build_service import BuildRequest, BuildResult
from lifecycle.pipeline.compile_errors import IncompatibleModulesError, ModulesFailedError
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination, EmptyMatrixError
from lifecycle.planning.targets import Kind, Target, Targets
from lifecycle.radar.causes import cause_of, is_of_the_sources
from lifecycle.radar.coming import ComingKernel
from lifecycle.radar.failures import Failure, known_failure, remember_failure
from lifecycle.radar.model import KernelJudgement, ModulesJudgement, SymbolChanges, Verdict
from lifecycle.radar.patch_hints import patches_about
from lifecycle.radar.scratch import excluded_for, scratch_project
from lifecycle.radar.symbols import SYMVERS, compare_symbols, current_symbols, symbols_of_kernel

Pairs = Collection[tuple[str, str]]


class Builder(Protocol):
    """The service that builds the targets of a project."""

    def build(self, request: BuildRequest) -> BuildResult:
        """Plan and build."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The modules of one type of a driver for a coming kernel."""

    combination: Combination
    module_type: ModuleType
    target: Target


@dataclass(frozen=True, kw_only=True)
class Judge:
    """The judge of coming kernels. `pairs` are the releases and driver versions that count; `open_builder` takes a project."""

    project: LockedProject
    cache: Cache
    pairs: Pairs
    open_builder: Callable[[LockedProject], Builder]

    def judge(self, coming: ComingKernel, *, dry_run: bool) -> KernelJudgement:
        """Return the judgements for a kernel; a dry run compiles nothing. Raises NotLockedError."""
        candidates = self.candidates(coming)
        missing = [c for c in candidates if not self._is_known(c)]
        errors = {} if dry_run or not missing else self._compile(coming, missing)
        if not dry_run:
            note_used(self.cache, (c.target.digest for c in candidates))
        found = [self._judgement(coming, c, c in missing, errors.get(c.target.digest)) for c in candidates]
        release, locked = coming.origin.release, self.project.lock.kernels
        return KernelJudgement(
            release=release.name,
            channel=str(release.channel),
            architecture=coming.architecture,
            current=locked[kernel_key(coming.origin.replaces, coming.architecture)].release,
            kernel=coming.kernel.release,
            linux=coming.kernel.version,
            package=coming.package,
            suite=coming.origin.name,
            builder=coming.origin.builder,
            arrival=coming.arrival,
            modules=tuple(found),
        )

    def candidates(self, coming: ComingKernel) -> list[Candidate]:
        """Return the modules to judge for a kernel, without those of an excluded driver or module type."""
        scratch = scratch_project(self.project, coming)
        targets = Targets(scratch)
        try:
            combinations = scratch.matrix.combinations
        except EmptyMatrixError:
            return []
        return [
            Candidate(combination=c, module_type=t, target=targets.compiled(c, t))
            for c in combinations
            if (coming.origin.replaces, c.driver) in self.pairs
            for t in c.module_types
        ]

    def _is_known(self, candidate: Candidate) -> bool:
        target = candidate.target
        return bool(self._result(target) or known_failure(self.cache, target))

    def _result(self, target: Target) -> Result | None:
        return self.cache.result(target.kind, target.digest)

    def _compile(self, coming: ComingKernel, missing: list[Candidate]) -> dict[str, InstallerError]:
        """Compile modules, remember those that cannot be compiled, and return the errors by digest."""
        wanted = {(c.combination.driver, c.module_type) for c in missing}
        whole = scratch_project(self.project, coming).matrix.combinations
        without = [(c.driver, t) for c in whole for t in c.module_types if (c.driver, t) not in wanted]
        request = BuildRequest(last=Kind.MODULES, locked=True, trial=True)
        try:
            result = self.open_builder(scratch_project(self.project, coming, without)).build(request)
        except InstallerError as error:
            return {candidate.target.digest: error for candidate in missing}
        errors = dict(result.outcome.errors) if result.outcome else {}
        for candidate in missing:
            self._remember(candidate.target, errors.get(candidate.target.digest))
        return errors

    def _remember(self, target: Target, error: InstallerError | None) -> None:
        if isinstance(error, ModulesFailedError) and is_of_the_sources(cause := cause_of(error)):
            verdict = Verdict.UNFIT if isinstance(error, IncompatibleModulesError) else Verdict.BREAKS
            remember_failure(self.cache, target, verdict, cause)

    def _judgement(
        self, coming: ComingKernel, candidate: Candidate, is_new: bool, error: InstallerError | None
    ) -> ModulesJudgement:
        result, failure = self._result(candidate.target), known_failure(self.cache, candidate.target)
        verdict, reason = self._verdict(candidate, result, failure, error)
        about = failure.cause if failure and not result else None
        return ModulesJudgement(
            driver=candidate.combination.driver,
            module_type=candidate.module_type,
            digest=candidate.target.digest,
            verdict=verdict,
            patches=tuple(_applied(result)) if result else (),
            cause=about,
            helps=tuple(patches_about(self.project, candidate.combination, candidate.module_type, about)),
            symbols=self._symbols(coming, candidate, result),
            excluded=excluded_for(self.project.component, candidate.combination, candidate.module_type),
            new=is_new and verdict is not Verdict.UNKNOWN,
            reason=reason,
        )

    def _verdict(
        self, candidate: Candidate, result: Result | None, failure: Failure | None, error: InstallerError | None
    ) -> tuple[Verdict, str]:
        if result:
            return (Verdict.PATCHED if any(_applied(result)) else Verdict.FITS), ""
        if failure:
            return failure.verdict, ""
        if error is None:
            return Verdict.UNKNOWN, ""
        said = error.lines[:1] if isinstance(error, ModulesFailedError) else ()
        brief = error.brief.splitlines()[0].removeprefix(f"{candidate.combination.id}: ")
        return Verdict.NOT_JUDGED, "; ".join([brief, *said])

    def _symbols(self, coming: ComingKernel, candidate: Candidate, result: Result | None) -> SymbolChanges | None:
        """Return the changes of the symbols that today's modules import; None if there are none, or the cache lacks a part."""
        today = self._today(coming, candidate)
        found = current_symbols(self.cache, Targets(self.project), today, candidate.module_type) if today else None
        if found is None:
            return None
        symvers = self._coming_symvers(coming, result)
        return compare_symbols(*found, symvers) if symvers else None

    def _coming_symvers(self, coming: ComingKernel, result: Result | None) -> Symvers | None:
        if result and result.file(SYMVERS).is_file():
            return read_symvers(result.file(SYMVERS))
        return symbols_of_kernel(self.cache, coming.kernel)

    def _today(self, coming: ComingKernel, candidate: Candidate) -> Combination | None:
        """Return the combination with today's kernel, if it has modules of the same type."""
        c = candidate.combination
        key = (coming.origin.replaces, c.driver, c.architecture)
        return next(
            (
                one
                for one in self.project.matrix.combinations
                if (one.release, one.driver, one.architecture) == key and candidate.module_type in one.module_types
            ),
            None,
        )


def _applied(result: Result) -> Iterator[str]:
    return (file for file, state in result.patches.items() if state == PatchState.APPLIED)
