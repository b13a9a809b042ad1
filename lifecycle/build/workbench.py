"""Everything a task works with, put together once: the checkout, the cache, the engine, the display."""

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle.build.needs import used_by
from lifecycle.build.state import BuildState
from lifecycle.model.declarations import check_answered, is_answer
from lifecycle.model.lock import Lock
from lifecycle.model.locked_inputs import LockedInputs, needed_by, needed_for
from lifecycle.model.matrix import Combination
from lifecycle.model.plan import Plan, again, make_plan
from lifecycle.model.project import COMPONENT, Project, load_project
from lifecycle.model.shards import Shard, chosen
from lifecycle.model.sharing import store_in_use
from lifecycle.model.targets import Kind, Targets
from lifecycle.tools.progress import Progress
from lifecycle.tools.signing_key import SigningKey, load_key
from lifecycle.tools.store import Store, default_cache_dir
from lifecycle.tools.usage import note_used

if TYPE_CHECKING:
    from lifecycle.build.execute import Outcome
    from lifecycle.build.inputs import Inputs
    from lifecycle.build.sharing import Sharing
    from lifecycle.steps.fetch import Fetched
    from lifecycle.tools.engine import Engine


@dataclass(frozen=True, kw_only=True)
class Made:
    """What `make` came to."""

    targets: Targets
    combinations: tuple[Combination, ...]
    plan: Plan
    outcome: "Outcome | None"
    state: BuildState


class Workbench:
    """The hands and the materials of one task; nothing is touched, nor imported where that takes long, before it is needed.

    `root` is the checkout, `cache_dir` the cache ("" for the default), `environ` the process's environment. A `version` is
    taken for component.yaml's, which is to be released as that.
    """

    def __init__(self, root: Path, *, cache_dir: str, environ: Mapping[str, str], version: str = "") -> None:
        self.root = root
        self.version = version
        self.store = Store(Path(cache_dir).expanduser().absolute() if cache_dir else default_cache_dir(environ))
        self.progress = Progress()
        self.environ = environ

    @cached_property
    def project(self) -> Project:
        """The checkout, read; raises ConfigurationError."""
        project = load_project(self.root, self.environ)
        version = self.version or project.component.version
        return replace(project, component=project.component.model_copy(update={"version": version}))

    @cached_property
    def engine(self) -> "Engine":
        """The container engine."""
        from lifecycle.tools.engine import Engine

        return Engine(self.environ)

    @cached_property
    def inputs(self) -> "Inputs":
        """The sources of what the checkout names."""
        from lifecycle.build.inputs import Inputs

        return Inputs(
            project=self.project,
            environ=self.environ,
            store=self.store,
            engine=self.engine,
            progress=self.progress,
        )

    def answered(self) -> Project:
        """The project, whose lock answers what is declared as it stands; raises NotLockedError where it does not."""
        check_answered(self.project)
        return self.project

    def state(self) -> BuildState:
        """A fresh view of what has been made."""
        return BuildState(self.store, self.engine, self.project.component.image)

    def resolved(self, *, update: bool = False, locked: bool = False) -> Project:
        """The project with a lock that answers all its declarations; asks the archives for what it does not."""
        if not update and is_answer(self.project):
            return self.project
        known = Lock() if update else self.project.lock
        return self.inputs.fetcher.resolve(self.project, known, locked=locked)

    def fetch(
        self,
        project: Project,
        choose: Callable[[Project], Sequence[Combination]],
        *,
        locked: bool,
        kernel_images: bool = False,
    ) -> "Fetched":
        """Have the files of the combinations that are chosen of a project, whose lock may move over it."""

        def needed(of: Project) -> LockedInputs:
            return needed_by(of, choose(of), kernel_images=kernel_images)

        with self.alone(dry_run=False):
            return self.inputs.fetcher.download(project, needed, locked=locked)

    def make(
        self,
        *,
        only: str,
        last: Kind,
        dry_run: bool,
        locked: bool,
        shard: Shard | None = None,
        rebuild: bool = False,
    ) -> Made:
        """Plan and make everything up to a kind for the chosen combinations; nothing is touched in a dry run.

        A shard is of the lock as it is committed: workers that each moved it would not divide the same matrix. A rebuild makes
        everything again, and neither takes results from other machines nor gives them its own.
        """
        locked = locked or shard is not None
        project = self.answered() if dry_run else self.resolved(locked=locked)
        for warning in project.matrix().warnings:
            self.progress.warn(warning)
        with self.alone(dry_run=dry_run), nullcontext() if rebuild else self._sharing() as sharing:

            def planned(of: Project) -> Made:
                made = self._planned(of, chosen(of, only, shard), last, sharing)
                return replace(made, plan=again(made.plan)) if rebuild else made

            made = planned(project)
            if not made.combinations:
                self.progress.say(f"shard {shard} is empty: the others have all there is")
            if dry_run:
                return made
            needed = used_by(made.targets, made.combinations, (action.target for action in made.plan.actions))
            note_used(self.store, needed)
            while sharing and made.plan.taking:
                sharing.take(made.plan.taking)
                made = planned(project)
            if not made.plan.idle:
                made = self._followed(made, planned, sharing, locked=locked)
            if sharing:
                sharing.give(action.target for action in made.plan.actions)
            return made

    def _followed(
        self, made: Made, planned: Callable[[Project], Made], sharing: "Sharing | None", *, locked: bool
    ) -> Made:
        """What following a plan came to; it is planned anew where the lock moves while files are fetched."""
        # Before minutes are spent on what would have to be signed in the end.
        key = self._key(made)
        project = made.targets.project
        fetched = self.inputs.fetcher.download(project, lambda p: needed_for(p, made.plan), locked=locked)
        moved = fetched.project
        if moved.lock != project.lock:
            made = planned(moved)
        from lifecycle.build.execute import Executor

        results = sharing.results if sharing else None
        executor = Executor(made.targets, self.store, self.engine, self.progress, key=key, results=results)
        outcome = executor.execute(made.plan)
        return replace(made, outcome=outcome, state=self.state())

    def _key(self, made: Made) -> SigningKey | None:
        """The key that signs, where the plan needs one; raises SigningError."""
        signing, signer = made.targets.project.component.signing, made.targets.project.signer
        if signing is None or signer is None or not made.plan.running(Kind.SIGNED):
            return None
        return load_key(self.root / COMPONENT, signing, signer, self.environ)

    def _sharing(self) -> "AbstractContextManager[Sharing | None]":
        """What machines share, where they do; raises StoreVariableError."""
        component = self.project.component
        section = store_in_use(component.store, self.environ)
        if section is None:
            return nullcontext()
        from lifecycle.build.sharing import open_sharing

        images = component.image.registry
        return open_sharing(section, images=images, store=self.store, environ=self.environ, progress=self.progress)

    def _planned(
        self, project: Project, combinations: tuple[Combination, ...], last: Kind, sharing: "Sharing | None"
    ) -> Made:
        targets = Targets(project)
        results = sharing.results if sharing else None
        state = BuildState(self.store, self.engine, project.component.image, results)
        plan = make_plan(targets, combinations, state, last=last)
        return Made(targets=targets, combinations=combinations, plan=plan, outcome=None, state=state)

    @contextmanager
    def alone(self, *, dry_run: bool) -> Iterator[None]:
        """One at a time in one cache that builds, fetches or removes; another one waits."""
        if dry_run:
            yield
            return
        self.store.root.mkdir(parents=True, exist_ok=True)
        with (self.store.root / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.progress.say(f"another task uses {self.store.root}: waiting for it to end")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
