"""The images in which modules are compiled, which a build that took its results from a cache may not have made."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from lifecycle.app.session import Session
from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.config.image_versions import builder_title
from lifecycle.pipeline.build_service import BuildRequest
from lifecycle.pipeline.compile import Compiler
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Kind, Targets, base_tag
from lifecycle.tools.engine.docker_engine import DockerEngine
from tests.support.checkout import ROOT


def make_bases(combination: Combination) -> None:
    """Make the base images of a combination that the engine lacks."""
    session, engine = Session(ROOT, cache_dir="", environ=os.environ), DockerEngine(os.environ)
    session.engine = engine
    with closing(engine.client):
        session.build_service().build(BuildRequest(only=combination.id, last=Kind.BASE, dry_run=False, locked=True))


@contextmanager
def compiler_of(combination: Combination, project: LockedProject) -> Iterator[tuple[Compiler, str]]:
    """Yield a compiler for a combination and the tag of its builder's image. The images are made if the engine lacks them."""
    make_bases(combination)
    targets, engine = Targets(project), DockerEngine(os.environ)
    with closing(engine.client):
        compiler = Compiler(targets=targets, cache=Cache(default_cache_dir(os.environ)), engine=engine)
        base, title = base_tag(targets.builder(combination)), builder_title(combination.release)
        yield compiler, compiler.builder(base, title)


def builder_image(combination: Combination, project: LockedProject) -> str:
    """Return the tag of the image of a combination's builder."""
    with compiler_of(combination, project) as (_, builder):
        return builder


def kernel_image(combination: Combination, project: LockedProject) -> str:
    """Return the tag of the image with the builder and the kernel headers of a combination."""
    with compiler_of(combination, project) as (compiler, builder):
        return compiler.kernel(combination, builder)
