"""A builder and a runtime base in a registry, of which the engine forgets its own copies."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import docker
import docker.errors

from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.targets import Targets, base_tag
from lifecycle.tools.archive import tar_bytes
from tests.support.checkout import ROOT
from tests.support.garden_linux.archive import NEXT, VERSION

# As of Garden Linux 1592.10. It has no VERSION_ID.
OS_RELEASE = f"""\
ID=gardenlinux
NAME="Garden Linux"
PRETTY_NAME="Garden Linux {VERSION}"
IMAGE_VERSION={VERSION}
GARDENLINUX_VERSION={VERSION}
GARDENLINUX_FEATURES=base,cloud,container
BUG_REPORT_URL="https://github.com/gardenlinux/gardenlinux/issues"
VERSION_CODENAME=trixie
"""
# images/kmodbuild of gardenlinux/gardenlinux has the kernel's headers installed.
_KMODBUILD = """\
ARG BASE
FROM ${BASE}
COPY headers /tmp/headers
COPY os-release /etc/os-release
RUN dpkg --unpack --force-depends /tmp/headers/*.deb && rm -r /tmp/headers
CMD ["/bin/bash"]
"""
_RUNTIME = """\
ARG BASE
FROM ${BASE}
LABEL vendor=site
"""


def push_kmodbuild(engine: docker.DockerClient, registry: str, headers: Sequence[Path]) -> str:
    """Push a builder like Garden Linux's, with the headers of the kernel, for each version. Return its repository."""
    base = base_tag(Targets(load_locked_project(ROOT)).base("BUILDER_DEBIAN_13"))
    files = {f"headers/{deb.name}": deb.read_bytes() for deb in headers}
    repository = f"{registry}/gardenlinux/gardenlinux/kmodbuild"
    context = {"Dockerfile": _KMODBUILD.encode(), "os-release": OS_RELEASE.encode(), **files}
    _push(engine, repository, [f"amd64-{VERSION}", f"amd64-{NEXT}"], base, context)
    return repository


def push_runtime(engine: docker.DockerClient, registry: str) -> str:
    """Push a runtime base of a site's own, and return its reference."""
    base = base_tag(Targets(load_locked_project(ROOT)).base("RUNTIME"))
    _push(engine, f"{registry}/site/runtime", ["13"], base, {"Dockerfile": _RUNTIME.encode()})
    return f"{registry}/site/runtime:13"


def _push(
    engine: docker.DockerClient, repository: str, tags: Sequence[str], base: str, context: Mapping[str, bytes]
) -> None:
    built, _ = engine.images.build(
        fileobj=io.BytesIO(tar_bytes(context)),
        custom_context=True,
        buildargs={"BASE": base},
        network_mode="none",
        rm=True,
        forcerm=True,
        nocache=True,
    )
    for tag in tags:
        built.tag(repository, tag)
        said = engine.images.push(repository, tag=tag, stream=True, decode=True)
        assert [event["error"] for event in said if "error" in event] == []
    forget(engine, [str(built.id)])


def forget(engine: docker.DockerClient, images: Sequence[str]) -> None:
    """Remove images from the engine, which may lack them."""
    for image in images:
        try:
            engine.images.remove(image, force=True)
        except docker.errors.ImageNotFound:
            continue
