"""The base images of builders, which a build that took its results from a cache may not have made."""

import os
from contextlib import closing

from lifecycle.app.session import Session
from lifecycle.pipeline.build_service import BuildRequest
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Kind
from lifecycle.tools.engine.docker_engine import DockerEngine
from tests.support.checkout import ROOT


def make_bases(combination: Combination) -> None:
    """Make the base images of a combination that the engine lacks."""
    session, engine = Session(ROOT, cache_dir="", environ=os.environ), DockerEngine(os.environ)
    session.engine = engine
    with closing(engine.client):
        session.build_service().build(BuildRequest(only=combination.id, last=Kind.BASE, dry_run=False, locked=True))
