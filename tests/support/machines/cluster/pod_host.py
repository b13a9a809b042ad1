"""The host that a pod finds: folders on this machine, as those of tests/unit/scripts, with a GPU on its bus.

The real modules load into no kernel but their own. Thus the images of the tests are real ones with small archives in
them, and with stubs before the few programs that would reach this machine's kernel; the pod sees the host by the chart's
own mount of it, below /host.
"""

from collections.abc import Mapping

import docker

from tests.support.machines.cluster.engine_images import build
from tests.support.machines.node_host import STUBS, SYSTEM_PATH, Node, executable
from tests.support.machines.node_image import make_image

_MOUNT = "/host"  # where the chart mounts the host's root
_DOCKERFILE = """\
FROM {base}
COPY stubs /stubs
COPY image /opt/nvidia-installer
ENV PATH=/stubs:/opt/nvidia-installer/bin:{path}
"""


def env_of(host: Node) -> Mapping[str, str]:
    """The values of the chart's `env` that have an installer find the host."""
    seen = f"{_MOUNT}{host.folder}"
    return {
        "HOST_ROOT": f"{seen}/host",
        "SYSFS_ROOT": f"{seen}/sys",
        "PROC_ROOT": f"{seen}/proc",
        "DEV_ROOT": f"{seen}/dev",
        "POLL_SECONDS": "0.2",
    }


def installer_image(engine: docker.DockerClient, tag: str, base: str, host: Node, driver: str) -> None:
    """Make of a real installer image one of a driver for such hosts, in an engine; `host` is one to make it with."""
    make_image(host, driver=driver)
    stubs = host.folder / "stubs"
    stubs.mkdir(exist_ok=True)
    for name, body in STUBS.items():
        executable(stubs / name, f"PATH={SYSTEM_PATH}\n{body}")
    dockerfile = _DOCKERFILE.format(base=base, path=SYSTEM_PATH)
    build(engine, tag, dockerfile, {"stubs": stubs, "image": host.image})


def installed(host: Node) -> str:
    """The folder of the driver that is current on a host; empty if there is none."""
    current = host.drivers / "current"
    return str(current.readlink()) if current.is_symlink() else ""


def drivers(host: Node) -> set[str]:
    """All drivers that a host keeps."""
    return {path.name for path in host.drivers.iterdir() if not path.is_symlink()} if host.drivers.exists() else set()
