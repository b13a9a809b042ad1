"""Installer images in registries on loopback, from which the node has to pull them."""

from dataclasses import dataclass, replace
from typing import Any

import docker

from tests.support.servers.registry_server import PASSWORD, USER, RegistryServer

REPOSITORY = "system-services/nvidia-installer"


@dataclass(frozen=True, kw_only=True)
class Published:
    """An image in a registry: its repository, its digest, the version and channel of its driver, and its OS release."""

    repository: str
    digest: str
    version: str
    channel: str = ""
    release: str = ""

    @property
    def reference(self) -> str:
        return f"{self.repository}@{self.digest}"

    @property
    def branch(self) -> str:
        """Return the driver's name on nodes: its channel, or its branch if it has no channel."""
        return self.channel or self.version.partition(".")[0]

    def for_release(self, release: str) -> "Published":
        """Return the image as one that nodes of another OS release get."""
        return replace(self, release=release)

    def installer(self, release: str) -> dict[str, object]:
        """Return the chart's values for an installer with the image."""
        image = {"repository": self.repository, "digest": self.digest}
        return {"release": release, "driver": self.branch, "version": self.version, "image": image}


@dataclass(frozen=True, kw_only=True)
class Images:
    """A real installer image for another kernel than this machine's, and images of two drivers for the tests' hosts."""

    wrong: Published
    old: Published
    new: Published

    def of_one_installer(self, channel: str) -> "Images":
        """Return the images as versions of one installer, whose name on nodes contains no version."""
        wrong, old, new = (replace(image, channel=channel) for image in (self.wrong, self.old, self.new))
        return Images(wrong=wrong, old=old, new=new)


def publish(engine: docker.DockerClient, server: RegistryServer, image: str, version: str) -> Published:
    """Push an engine's image, and remove its registry name from the engine, so that the image has to be pulled."""
    repository = f"{server.host}/{REPOSITORY}"
    engine.images.get(image).tag(repository, tag=version)
    login = {"username": USER, "password": PASSWORD}
    said: list[dict[str, Any]] = list(
        engine.images.push(repository, tag=version, auth_config=login, stream=True, decode=True)
    )
    errors = [line["error"] for line in said if "error" in line]
    assert not errors, errors
    (digest,) = (line["aux"]["Digest"] for line in said if "aux" in line)
    # With the last tag of a repository goes the digest that it is known by there.
    engine.api.remove_image(f"{repository}:{version}")
    return Published(repository=repository, digest=digest, version=version)
