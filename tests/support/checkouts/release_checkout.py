"""A checkout of one combination with its own remote, whose images are pushed to a registry of the tests."""

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

from lifecycle.cache.cache import TESTED, Cache
from lifecycle.cache.evidence import note_evidence
from tests.support.builders.push_session import make_small_image, name_image
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
    """A checkout of one combination, and additional environment variables for its tasks."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def invoke(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a task that must end with an exit code and without a traceback."""
        command = [sys.executable, "-m", "invoke", *words]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, env=self.environment()
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        """Run a task with --json and return its output as data."""
        return json.loads(self.invoke(*words, "--json").stdout)

    def environment(self) -> dict[str, str]:
        """Return the environment of a task."""
        return {**os.environ, **NAMELESS, **self.environ}

    def edit(self, file: str, edits: Mapping[str, str]) -> None:
        """Replace texts in a file, which must contain each of them."""
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
        """Note in the cache that all images under the registry's name have passed their tests."""
        registry = yaml.safe_load((self.folder / "component.yaml").read_text())["image"]["registry"]
        for image in engine.images.list(f"{registry}/*/*"):
            cache = Cache(Path(self.environ["XDG_CACHE_HOME"]) / "nvidia-installer")
            note_evidence(cache, TESTED, str(image.id), {"combination": "by hand"})

    @property
    def origin(self) -> Path:
        """Return the bare repository that the checkout is released to."""
        return self.folder.with_name("origin.git")

    @property
    def values(self) -> Path:
        """Return the GitOps repository, which is made on first use."""
        return self.folder / "build/gitops.git"


def make_checkout(
    folder: Path, registry: str, engine: docker.DockerClient, edits: Mapping[str, str] = _ONE, *, size: int = 0
) -> Checkout:
    """Make a checkout that can be released, below an empty folder. `edits` of component.yaml make it one combination.

    Its image is built under the registry's name; with a `size`, it is a small one of that many bytes. The checkout's own cache
    records that the image has passed its tests.
    """
    folder.mkdir(parents=True)
    copy_parts(folder, [*PARTS, "k8s", "tasks.py", "CHANGELOG.md", ".gitignore"])
    made = Checkout(folder)
    made.edit("component.yaml", {**edits, "registry: localhost:5000": f'registry: "{registry}"'})
    if size:
        make_small_image(engine, registry, folder.parent, size=size)
    else:
        name_image(engine, registry)
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
    """Remove a registry's names from the engine's images."""
    for image in engine.images.list(f"{registry}/*/*"):
        for tag in image.tags:
            if tag.startswith(f"{registry}/"):
                engine.images.remove(tag)


@contextmanager
def pushed_checkout(folder: Path, engine: docker.DockerClient) -> Iterator[Checkout]:
    """Start a registry, and yield a checkout with its image pushed, below an empty folder; stop the registry at the end."""
    with registry_server(folder / "registry") as registry:
        made = make_checkout(folder / "checkout", registry.host, engine)
        made.invoke("push")
        yield made
        remove_images(engine, registry.host)
