"""The context of one command: the checkout, the cache, the clients and the display. Each is created on first use."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lifecycle.app.exclusive import exclusive
from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.pipeline.build_service import BuildService
from lifecycle.pipeline.build_state import BuildState
from lifecycle.planning.locked_project import LockedProject, require_locked
from lifecycle.planning.project import Project, load_project
from lifecycle.tools.paths import expand
from lifecycle.tools.terminal.progress import Progress

if TYPE_CHECKING:
    from lifecycle.sources.session import SourceSession
    from lifecycle.tools.engine.engine import Engine


class Session:
    """The context of one command in one checkout.

    `root` is the checkout, `cache_dir` the cache ("" for the default), `environ` the process's environment. A `version`
    replaces that of component.yaml: the version to be released.
    """

    def __init__(self, root: Path, *, cache_dir: str, environ: Mapping[str, str], version: str = "") -> None:
        self.root = root
        self.version = version
        self.cache = Cache(
            expand(cache_dir, name="--cache-dir").absolute() if cache_dir else default_cache_dir(environ)
        )
        self.progress = Progress()
        self.environ = environ

    @cached_property
    def project(self) -> Project:
        """The project as its files declare it. Raises ConfigurationError."""
        project = load_project(self.root, self.environ)
        version = self.version or project.component.version
        return replace(project, component=project.component.model_copy(update={"version": version}))

    @cached_property
    def locked_project(self) -> LockedProject:
        """The project, if its versions.lock is current. Raises ConfigurationError, NotLockedError."""
        return require_locked(self.project)

    @cached_property
    def engine(self) -> "Engine":
        """The container engine."""
        from lifecycle.tools.engine.docker_engine import DockerEngine

        return DockerEngine(self.environ)

    @cached_property
    def sources(self) -> "SourceSession":
        """The clients of the sources that the checkout declares."""
        from lifecycle.sources.session import SourceSession

        return SourceSession(
            project=self.project,
            environ=self.environ,
            cache=self.cache,
            engine=self.engine,
            progress=self.progress,
        )

    def build_service(self) -> BuildService:
        """Return the service that resolves, fetches and builds. What changes anything needs `exclusive`."""
        return BuildService(
            project=self.project,
            environ=self.environ,
            cache=self.cache,
            engine=self.engine,
            progress=self.progress,
            open_sources=lambda: self.sources,
        )

    def state(self) -> BuildState:
        """Return what the cache and the engine have now."""
        return BuildState(self.cache, self.engine, self.project.component.image)

    @contextmanager
    def exclusive(self, *, dry_run: bool = False) -> Iterator[None]:
        """Hold the locks of the checkout and the cache, and read the checkout's files again. A dry run needs no locks.

        Everything that changes the cache or versions.lock, or refreshes package lists, runs within. It cannot be nested.
        """
        if dry_run:
            yield
            return
        with exclusive(self.root, self.cache.root, self.progress.say):
            self._forget_files()
            yield

    def _forget_files(self) -> None:
        """Forget all that depends on the checkout's files, which another task may have changed. The engine depends on none."""
        for name, value in vars(Session).items():
            if isinstance(value, cached_property) and name != "engine":
                self.__dict__.pop(name, None)
