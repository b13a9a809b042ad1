"""Resolve, fetch and build: what changes versions.lock, the cache and the engine."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lifecycle.cache.cache import Cache
from lifecycle.cache.last_build import BuildRecorder, note_last_build
from lifecycle.cache.last_used import note_used
from lifecycle.cache.required import used_by
from lifecycle.config.lock import Lock
from lifecycle.config.store import store_in_use
from lifecycle.pipeline.build_state import BuildState
from lifecycle.pipeline.signing_key import SigningKey, load_key
from lifecycle.planning.built_exclusions import warn_of_built
from lifecycle.planning.locked_project import LockedProject, is_lock_current, require_locked
from lifecycle.planning.matrix import Combination
from lifecycle.planning.plan import Plan, again, make_plan
from lifecycle.planning.project import COMPONENT, Project
from lifecycle.planning.required_inputs import LockedInputs, needed_by, needed_for
from lifecycle.planning.shards import Shard, chosen
from lifecycle.planning.targets import Kind, Target, Targets
from lifecycle.tools.terminal.progress import Progress

if TYPE_CHECKING:
    from lifecycle.cache.remote_session import RemoteSession
    from lifecycle.pipeline.executor import Outcome
    from lifecycle.sources.fetch import FetchResult
    from lifecycle.sources.session import SourceSession
    from lifecycle.tools.engine.engine import Engine


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """A request to build the targets of the selected combinations, up to a kind.

    A shard never changes versions.lock, since all shards must divide the same matrix. A rebuild builds everything again and
    leaves the remote cache alone. A trial is of a project that no checkout has: it is not recorded for `invoke report`, and its
    exclusions cause no warnings.
    """

    only: str = ""
    shard: Shard | None = None
    last: Kind = Kind.IMAGE
    dry_run: bool = False
    locked: bool = False
    rebuild: bool = False
    trial: bool = False


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """The plan of a build and its outcome, which is None if there was nothing to do."""

    targets: Targets
    combinations: tuple[Combination, ...]
    plan: Plan
    outcome: "Outcome | None"
    state: BuildState


@dataclass(frozen=True, kw_only=True)
class BuildService:
    """The service that resolves, fetches and builds for one checkout. The caller holds the locks of the checkout and the cache.

    `open_sources` makes the clients of the package sources, which take long to import.
    """

    project: Project
    environ: Mapping[str, str]
    cache: Cache
    engine: "Engine"
    progress: Progress
    open_sources: "Callable[[], SourceSession]"

    def resolve(self, *, update: bool = False, locked: bool = False) -> LockedProject:
        """Return the project with a current versions.lock; with `update`, every declaration is resolved again.

        Raises StaleLockError if the lock is not current under `locked`, and what the sources raise.
        """
        if not update and is_lock_current(self.project):
            return require_locked(self.project)
        known = Lock() if update else self.project.lock
        return self.open_sources().fetcher.resolve(self.project, known, locked=locked)

    def fetch(
        self,
        project: LockedProject,
        choose: Callable[[LockedProject], Sequence[Combination]],
        *,
        locked: bool,
        kernel_images: bool = False,
    ) -> "FetchResult":
        """Download the inputs of the combinations that `choose` selects, also after versions.lock has changed meanwhile."""

        def needed(of: LockedProject) -> LockedInputs:
            return needed_by(of, choose(of), kernel_images=kernel_images)

        return self.open_sources().fetcher.download(project, needed, locked=locked)

    def build(self, request: BuildRequest) -> BuildResult:
        """Plan and build; a dry run only plans. Raises what resolving, planning and fetching raise.

        Failures of single targets are in the result.
        """
        locked, recorder = request.locked or request.shard is not None, BuildRecorder()
        with recorder.phase("resolve"):
            project = require_locked(self.project) if request.dry_run else self.resolve(locked=locked)
        if not request.trial:
            self._warn(project)
        with nullcontext() if request.rebuild else self._open_remote() as remote:
            with recorder.phase("plan"):
                result = self._plan(project, request, remote)
            if not result.combinations:
                self.progress.say(f"shard {request.shard} is empty: the others have all there is")
            if request.dry_run:
                return result
            needed = used_by(result.targets, result.combinations, (action.target for action in result.plan.actions))
            note_used(self.cache, needed)
            taken: list[Target] = []
            while remote and result.plan.taking:
                taken += result.plan.taking
                with recorder.phase("download results"):
                    remote.download(result.plan.taking)
                    result = self._plan(project, request, remote)
            if not result.plan.idle:
                result = self._execute(result, replace(request, locked=locked), remote, recorder)
            if remote:
                with recorder.phase("upload results"):
                    remote.upload(action.target for action in result.plan.actions)
            if (result.outcome or taken) and not request.trial:
                self._note(result, taken, recorder)
            return result

    def _warn(self, project: LockedProject) -> None:
        built = warn_of_built(project, lambda name: self.cache.was_built(Kind.MODULES, name))
        for warning in (*project.matrix.warnings, *built):
            self.progress.warn(warning)

    def _note(self, result: BuildResult, taken: Sequence[Target], recorder: BuildRecorder) -> None:
        """Save what was done and how long it took, for `invoke report`."""
        downloaded = {target.digest for target in taken}
        there = [a.target for a in result.plan.actions if not a.run and a.target.digest not in downloaded]
        record = recorder.record(
            combinations=len(result.combinations),
            reused=Counter(str(target.kind) for target in there),
            taken=Counter(str(target.kind) for target in taken),
        )
        note_last_build(self.cache, record)

    def _plan(self, project: LockedProject, request: BuildRequest, remote: "RemoteSession | None") -> BuildResult:
        targets, combinations = Targets(project), chosen(project, request.only, request.shard)
        results = remote.results if remote else None
        state = BuildState(self.cache, self.engine, project.component.image, results)
        plan = make_plan(targets, combinations, state, last=request.last)
        if request.rebuild:
            plan = again(plan)
        return BuildResult(targets=targets, combinations=combinations, plan=plan, outcome=None, state=state)

    def _execute(
        self, result: BuildResult, request: BuildRequest, remote: "RemoteSession | None", recorder: BuildRecorder
    ) -> BuildResult:
        """Fetch the inputs of a plan and execute it. If fetching changes versions.lock, plan again first."""
        # The key is read before minutes are spent on modules that it has to sign.
        key = self._key(result)
        project = result.targets.project
        with recorder.phase("fetch inputs"):
            fetched = self.open_sources().fetcher.download(
                project, lambda p: needed_for(p, result.plan), locked=request.locked
            )
        if fetched.project.lock != project.lock:
            result = self._plan(fetched.project, request, remote)
        from lifecycle.pipeline.executor import Executor

        results = remote.results if remote else None
        executor = Executor(
            result.targets, self.cache, self.engine, self.progress, key=key, remote=results, recorder=recorder
        )
        with recorder.phase("build"), recorder.cores():
            outcome = executor.execute(result.plan)
        state = BuildState(self.cache, self.engine, project.component.image)
        return replace(result, outcome=outcome, state=state)

    def _key(self, result: BuildResult) -> SigningKey | None:
        """Return the signing key if the plan needs it. Raises PemError."""
        signing, signer = result.targets.project.component.signing, result.targets.project.signer
        if signing is None or signer is None or not result.plan.running(Kind.SIGNED):
            return None
        return load_key(self.project.root / COMPONENT, signing, signer, self.environ)

    def _open_remote(self) -> "AbstractContextManager[RemoteSession | None]":
        """Open the remote cache, if there is one. Raises StoreVariableError."""
        component = self.project.component
        section = store_in_use(component.store, self.environ)
        if section is None:
            return nullcontext()
        from lifecycle.cache.remote_session import open_remote_session

        images = component.image.registry
        return open_remote_session(
            section, images=images, cache=self.cache, environ=self.environ, progress=self.progress
        )
