"""The images in which modules are compiled, which a build that took its results from a cache may not have made."""

import os
from contextlib import closing

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


def kernel_image(combination: Combination, project: LockedProject) -> str:
    """Return the image with the builder and the kernel headers of a combination. It is made if the engine lacks it."""
    make_bases(combination)
    targets, engine = Targets(project), DockerEngine(os.environ)
    with closing(engine.client):
        compiler = Compiler(targets=targets, cache=Cache(default_cache_dir(os.environ)), engine=engine)
        base, title = base_tag(targets.builder(combination)), builder_title(combination.release)
        return compiler.kernel(combination, compiler.builder(base, title))
