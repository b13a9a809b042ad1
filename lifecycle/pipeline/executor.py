"""Execute a plan: bases and user space are built beside the compiles, and modules are packed while others compile."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from lifecycle.cache.cache import Cache
from lifecycle.cache.last_build import BuildRecorder
from lifecycle.cache.recorded_step import RecordedStep
from lifecycle.cache.remote import RemoteCache
from lifecycle.cache.results import Archive, archive_of
from lifecycle.config.image_versions import builder_title
from lifecycle.errors import InstallerError
from lifecycle.pipeline.base import make_base
from lifecycle.pipeline.compile import CompileJob, Compiler
from lifecycle.pipeline.compile_jobs import compile_jobs, kernel_key
from lifecycle.pipeline.compile_timings import save_timing
from lifecycle.pipeline.concurrency import concurrency_for
from lifecycle.pipeline.image import Contents, ImageBuilder
from lifecycle.pipeline.package import Packager
from lifecycle.pipeline.sign import ModuleSigner
from lifecycle.pipeline.signing_key import SigningKey
from lifecycle.pipeline.unpack import Unpacker
from lifecycle.planning.matrix import Combination
from lifecycle.planning.plan import Action, Plan
from lifecycle.planning.targets import SHARED_KINDS, Kind, Target, Targets, base_tag, module_type_of
from lifecycle.tools.engine.engine import Engine
from lifecycle.tools.graph import Job, run_graph
from lifecycle.tools.terminal.progress import Progress

Errors = Mapping[str, InstallerError]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of a plan by target digest: the seconds of each built target, and the error of each failed one."""

    seconds: Mapping[str, float]
    errors: Errors


class Executor:
    """The executor of plans.

    `key` is required for plans that sign. `remote` receives the results, if there is a remote cache. `recorder` gets the steps.
    """

    def __init__(
        self,
        targets: Targets,
        cache: Cache,
        engine: Engine,
        progress: Progress,
        *,
        key: SigningKey | None = None,
        remote: RemoteCache | None = None,
        recorder: BuildRecorder | None = None,
    ) -> None:
        cpus = len(os.sched_getaffinity(0))
        self._targets, self._cache, self._engine, self._progress = targets, cache, engine, progress
        self._compiler = Compiler(targets=targets, cache=cache, engine=engine)
        self._signer = ModuleSigner(targets=targets, cache=cache, engine=engine, key=key) if key else None
        self._packager = Packager(targets=targets, cache=cache, threads=cpus, warn=progress.warn)
        self._remote, self._recorder = remote, recorder or BuildRecorder()
        self._cpus = cpus
        self._builder_lock = threading.Lock()
        self._seconds: dict[str, float] = {}
        self._downloaded: set[str] = set()

    def execute(self, plan: Plan) -> Outcome:
        """Execute a plan. Ctrl-C removes the containers and raises KeyboardInterrupt. Failures are in the outcome."""
        if plan.idle:
            return Outcome(seconds={}, errors={})
        self._engine.remove_dead_containers()
        concurrency = concurrency_for(*self._engine.capacity())
        self._recorder.note_concurrency(concurrency.compiles, concurrency.jobs)
        with self._cache.scratch("bases") as folder:
            images = ImageBuilder(self._targets, self._cache, self._engine, folder)
            errors = run_graph(
                self._jobs(plan, concurrency.jobs, images),
                workers=concurrency.compiles + max(2, self._cpus),
                heavy=concurrency.compiles,
                abort=self._engine.stop_own_containers,
            )
        return Outcome(seconds=self._seconds, errors=errors)

    def _jobs(self, plan: Plan, make_jobs: int, images: ImageBuilder) -> list[Job]:
        """Return the jobs in the order of their start; `make_jobs` is make's --jobs. What compiles wait for comes first."""
        jobs = self._jobs_of(plan, Kind.BASE, self._base)
        first: dict[tuple[str, str], str] = {}
        for compile_job, actions in compile_jobs(self._targets, plan.running(Kind.MODULES)):
            makes = tuple(action.target.digest for action in actions)
            # The other drivers of a kernel start after the first one, so that they find its conftest answers.
            leader = first.setdefault(kernel_key(self._targets, compile_job.combination), makes[0])
            after = () if leader == makes[0] else (leader,)
            needs = actions[0].needs
            work = partial(self._compile, compile_job, make_jobs, (*needs, *after))
            jobs.append(Job(makes=makes, needs=needs, after=after, work=work, heavy=True))
        jobs += self._jobs_of(plan, Kind.SIGNED, self._sign)
        jobs += self._jobs_of(plan, Kind.USERSPACE, self._userspace)
        jobs += self._jobs_of(plan, Kind.ARCHIVE, self._archive)
        jobs += self._jobs_of(plan, Kind.IMAGE, partial(self._image, images=images))
        return jobs + self._upload_jobs(plan)

    def _upload_jobs(self, plan: Plan) -> list[Job]:
        """Return the uploads to the remote cache. No other job waits for them, and they never fail."""
        remote = self._remote
        if remote is None:
            return []
        return [
            Job(
                makes=(f"shared {target.digest}",),
                needs=(),
                after=(target.digest,),
                work=partial(self._upload, remote, target),
            )
            for kind in SHARED_KINDS
            for target in (action.target for action in plan.running(kind))
        ]

    def _upload(self, remote: RemoteCache, target: Target) -> Errors:
        if target.digest not in self._downloaded:
            remote.upload(target)
        return {}

    def _jobs_of(self, plan: Plan, kind: Kind, work: Callable[[Action], Errors]) -> list[Job]:
        return [
            Job(makes=(action.target.digest,), needs=action.needs, work=partial(work, action))
            for action in plan.running(kind)
        ]

    def _base(self, action: Action) -> Errors:
        with self._step(action, f"base image {action.target.name.lower()}"):
            make_base(self._targets.project, action.target, self._cache, self._engine)
        return {}

    def _compile(self, job: CompileJob, jobs: int, waits: tuple[str, ...]) -> Errors:
        job = self._download_first(job)
        targets = {t: self._targets.compiled(job.combination, t) for t in job.types}
        if not targets:
            return {}
        with self._step_of(targets.values(), waits, f"compile {job.title}") as fail:
            image = self._kernel_image(job.combination)
            done = self._compiler.compile(job, image, jobs)
            errors = {targets[t].digest: made for t, made in done.modules.items() if isinstance(made, InstallerError)}
            if errors:
                fail()
        if not errors:
            seconds = self._seconds[next(iter(targets.values())).digest]
            save_timing(self._cache, job.combination, targets.values(), seconds, asked=done.asked)
        return errors

    def _builder(self, combination: Combination) -> str:
        """Return the tag of a combination's builder image; build the image if it is missing."""
        name = builder_title(combination.release)
        with self._builder_lock:
            return self._compiler.builder(base_tag(self._targets.builder(combination)), name)

    def _download_first(self, job: CompileJob) -> CompileJob:
        """Download results that other machines have uploaded since the plan was made, and return the rest of the job."""
        remote, compiled = self._remote, self._targets.compiled
        if remote is None:
            return job
        targets = {t: compiled(job.combination, t) for t in job.types}
        downloaded = {target.digest for target in targets.values() if remote.download(target)}
        self._downloaded |= downloaded
        return replace(job, types=tuple(t for t, target in targets.items() if target.digest not in downloaded))

    def _kernel_image(self, combination: Combination) -> str:
        """Return the tag of the image with a combination's headers; build the image if it is missing."""
        builder = self._builder(combination)
        with self._builder_lock:
            return self._compiler.kernel(combination, builder)

    def _sign(self, action: Action) -> Errors:
        combination, module_type = action.combinations[0], module_type_of(action.target)
        if self._signer is None:
            raise InstallerError(f"cannot sign {action.target.name}: the signing key was not loaded")
        with self._step(action, f"sign {action.target.name}"):
            self._signer.sign(combination, module_type, self._builder(combination))
        return {}

    def _userspace(self, action: Action) -> Errors:
        combination = action.combinations[0]
        base = base_tag(self._targets.builder(combination))
        unpacker = Unpacker(root=self._targets.project.root, cache=self._cache, engine=self._engine, base=base)
        with self._step(action, f"user space of {action.target.name}"):
            self._packager.userspace(combination, unpacker)
        return {}

    def _archive(self, action: Action) -> Errors:
        combination, module_type = action.combinations[0], module_type_of(action.target)
        with self._step(action, f"modules archive {action.target.name}"):
            self._packager.modules(combination, module_type)
        return {}

    def _image(self, action: Action, *, images: ImageBuilder) -> Errors:
        combination = action.combinations[0]
        contents = Contents(
            userspace=self._stored(self._targets.userspace(combination)),
            modules={t: self._stored(self._targets.archive(combination, t)) for t in combination.module_types},
        )
        with self._step(action, f"image {combination.id}"):
            images.build(combination, contents, base_tag(self._targets.runtime(combination)))
        return {}

    def _stored(self, target: Target) -> Archive:
        result = self._cache.result(target.kind, target.digest)
        if result is None:
            raise InstallerError(f"{target.kind} {target.name} is not in the cache", resolution="Run `invoke build`.")
        return archive_of(result)

    def _step(self, action: Action, title: str) -> RecordedStep:
        return self._step_of([action.target], action.needs, title)

    def _step_of(self, targets: Iterable[Target], waits: tuple[str, ...], title: str) -> RecordedStep:
        return RecordedStep(self._progress, self._recorder, self._seconds, tuple(targets), waits, title)
