import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.planning.targets import Targets
from tests.support.builders.projects import local_image, project
from tests.support.checkout import ROOT
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession


@pytest.fixture
def session(tmp_path: Path) -> FakeSession:
    """Return a session whose engine has the images of 535 and whose checkout has the node's scripts."""
    shutil.copytree(ROOT / "scripts/node", tmp_path / "scripts/node")
    given = project(root=tmp_path)
    targets = Targets(given)
    tag = "localhost:5000/team/nvidia-installer:{}"
    images = [
        local_image(tag.format(number), digest=targets.image(c).digest)
        for number, c in enumerate(given.matrix.combinations)
        if c.branch == "535"
    ]
    return FakeSession(replace(given), tmp_path / "cache", FakeEngine(*images))
