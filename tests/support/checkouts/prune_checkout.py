"""A component for tests only, with unneeded images: `invoke prune` must not touch the images of other components."""

import json
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import docker.errors

from lifecycle.pipeline.image_archive import root_image
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.targets import Targets
from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.engine.docker_engine import DockerEngine
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_COMPONENT, LABEL_DIGEST
from tests.support.builders.push_session import copied_checkout, invoke

RETIRED = "debian-11/5.10.0-1-amd64/470.1.1"


class PruneCheckout:
    """A checkout with its own component name, whose images are pushed to a registry, and images of the component."""

    def __init__(self, host: str, folder: Path) -> None:
        self.engine = DockerEngine(os.environ)
        self.component = f"prune-test-{uuid.uuid4().hex[:8]}"
        self.checkout = copied_checkout(host, folder / "checkout")
        file = self.checkout / "component.yaml"
        file.write_text(
            file.read_text().replace("name: system-services/nvidia-installer\n", f"name: {self.component}\n")
        )
        project = load_locked_project(self.checkout)
        self.repository = project.component.image.repository
        self.name = f"{host}/{self.repository}"
        self.combination = project.matrix.combinations[0]
        self.inputs = Targets(project).image(self.combination).digest
        self.folder = folder
        self.ids: list[str] = []

    def image(self, *tags: str, combination: str = "", inputs: str = "", component: str = "", size: int = 1000) -> str:
        """Make an image, tag it and return its id; the combination and the inputs are the current ones by default."""
        labels = {
            LABEL_COMPONENT: component or self.component,
            LABEL_COMBINATION: combination or self.combination.id,
            LABEL_DIGEST: inputs or self.inputs,
        }
        root, archive = self.folder / "root.tar", self.folder / "image.tar"
        root.write_bytes(tar_bytes({"file": os.urandom(size)}))
        made = f"{self.name}:making"
        image = root_image(root, archive, made, labels, "amd64")
        self.engine.load(archive)
        self.ids.append(image)
        for tag in tags:
            self.engine.tag(image, tag if ":" in tag else f"{self.name}:{tag}")
        # Names go, and the image stays: another one takes the last of them.
        (self.folder / "other.tar").write_bytes(tar_bytes({"other": os.urandom(9)}))
        other = root_image(self.folder / "other.tar", archive, made, {}, "amd64")
        self.engine.load(archive)
        self.ids.append(other)
        return image

    def push(self, tag: str) -> str:
        """Push one of the tags and return the manifest's digest."""
        assert self.engine.push(f"{self.name}:{tag}", None) == ""
        found = self.engine.image(f"{self.name}:{tag}")
        assert found is not None
        (reference,) = (name for name in found.digests if name.startswith(f"{self.name}@"))
        return reference.rpartition("@")[2]

    def there(self, image: str) -> bool:
        return self.engine.image(image) is not None

    def prune(self, *words: str) -> dict[str, Any]:
        """Run `invoke prune --json` and return its output as data."""
        done = invoke(self.checkout, "prune", "--json", "--cache-dir", str(self.folder / "cache"), *words)
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def close(self) -> None:
        for image in self.ids:
            with suppress(docker.errors.ImageNotFound):
                self.engine.client.api.remove_image(image, force=True)
