"""A checkout of one combination with a remote of its own, whose images go to a registry of the tests."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import yaml

from lifecycle.cache.cache import Cache
from tests.support.checkout import PARTS, copy_parts
from tests.support.git import NAMELESS, git
from tests.support.servers.registry_server import registry_server

# What makes the whole matrix one combination, of the images that `invoke build` has made already.
_ONE = {
    "    - {name: debian-13, kernelFlavour: cloud, channel: current}\n": "",
    "    - {name: debian-13-backports, kernelFlavour: cloud, channel: canary}\n": "",
    "    - 550.163.01\n": "",
    "only: current/550": "only: previous",
}
FILE = "services/nvidia-installer/values/debian-12.yaml"
SHOOT = "clusters/example/shoot.yaml"


@dataclass
class Checkout:
    """A checkout of one combination, and what its tasks have in their environment besides."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def invoke(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a task, which is to end with an exit code."""
        command = [sys.executable, "-m", "invoke", *words]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, env=self.environment()
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        """What a task prints with --json."""
        return json.loads(self.invoke(*words, "--json").stdout)

    def environment(self) -> dict[str, str]:
        """The environment of a task."""
        return {**os.environ, **NAMELESS, **self.environ}

    def edit(self, file: str, edits: Mapping[str, str]) -> None:
        """Replace texts, each of which has to be there."""
        text = (self.folder / file).read_text()
        for old, new in edits.items():
            assert old in text, old
            text = text.replace(old, new)
        (self.folder / file).write_text(text)

    def commit(self, message: str) -> None:
        """Commit everything."""
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", message)

    def note_tested(self, engine: docker.DockerClient) -> None:
        """Note that the images that are built now have passed their tests."""
        registry = yaml.safe_load((self.folder / "component.yaml").read_text())["image"]["registry"]
        for image in engine.images.list(f"{registry}/*/*"):
            Cache(Path(self.environ["XDG_CACHE_HOME"]) / "nvidia-installer").note_tested(str(image.id), "by hand")

    @property
    def origin(self) -> Path:
        """The bare repository that it is released to."""
        return self.folder.with_name("origin.git")

    @property
    def values(self) -> Path:
        """The GitOps repository that is made on first use."""
        return self.folder / "build/gitops.git"


def make_checkout(folder: Path, registry: str, engine: docker.DockerClient) -> Checkout:
    """Make a checkout below an empty folder, that can be released.

    Its image is built under the registry's name, and has passed its tests by the record in a cache of its own.
    """
    folder.mkdir(parents=True)
    copy_parts(folder, [*PARTS, "k8s", "tasks.py", "CHANGELOG.md", ".gitignore"])
    made = Checkout(folder)
    made.edit("component.yaml", {**_ONE, "registry: localhost:5000": f'registry: "{registry}"'})
    made.invoke("build")
    git(folder, "init", "--quiet", "--initial-branch=main")
    made.commit("first")
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(made.origin))
    git(folder, "remote", "add", "origin", str(made.origin))
    git(folder, "push", "--quiet", "origin", "main")
    made.environ["XDG_CACHE_HOME"] = str(folder.with_name("cache"))
    made.note_tested(engine)
    return made


def remove_images(engine: docker.DockerClient, registry: str) -> None:
    """Take a registry's names away from the engine's images."""
    for image in engine.images.list(f"{registry}/*/*"):
        for tag in image.tags:
            if tag.startswith(f"{registry}/"):
                engine.images.remove(tag)


@contextmanager
def pushed_checkout(folder: Path, engine: docker.DockerClient) -> Iterator[Checkout]:
    """A checkout whose image is in a registry, which ends with the block; both below an empty folder."""
    with registry_server(folder / "registry") as registry:
        made = make_checkout(folder / "checkout", registry.host, engine)
        made.invoke("push")
        yield made
        remove_images(engine, registry.host)
