"""The host of a pod: folders on this machine, like those of tests/unit/scripts, with a GPU on its bus.

The real modules load only into their own kernel. The images of the tests are therefore real images with small archives,
and with stubs on PATH before the few programs that would reach this machine's kernel. The pod sees the host below
/host, where the chart mounts it.
"""

from collections.abc import Mapping

import docker

from tests.support.machines.cluster.engine_images import build
from tests.support.machines.node_host import SYSTEM_PATH, Node, executable
from tests.support.machines.node_image import make_image
from tests.support.machines.node_programs import STUBS

_MOUNT = "/host"  # where the chart mounts the host's root
_DOCKERFILE = """\
FROM {base}
COPY stubs /stubs
COPY image /opt/nvidia-installer
ENV PATH=/stubs:/opt/nvidia-installer/bin:{path}
"""


def env_of(host: Node) -> Mapping[str, str]:
    """Return the chart's `env` values that tell an installer the paths of the host."""
    seen = f"{_MOUNT}{host.folder}"
    return {
        "HOST_ROOT": f"{seen}/host",
        "SYSFS_ROOT": f"{seen}/sys",
        "PROC_ROOT": f"{seen}/proc",
        "DEV_ROOT": f"{seen}/dev",
        "POLL_SECONDS": "0.2",
    }


def installer_image(
    engine: docker.DockerClient,
    tag: str,
    base: str,
    host: Node,
    driver: str,
    programs: Mapping[str, str | bytes] | None = None,
) -> None:
    """Build an image of a driver for these hosts from the installer image `base`; `host` provides the files.

    `programs` are additional programs of the driver by name, as scripts or as binaries.
    """
    make_image(host, driver=driver, programs=programs)
    stubs = host.folder / "stubs"
    stubs.mkdir(exist_ok=True)
    for name, body in STUBS.items():
        executable(stubs / name, f"PATH={SYSTEM_PATH}\n{body}")
    dockerfile = _DOCKERFILE.format(base=base, path=SYSTEM_PATH)
    build(engine, tag, dockerfile, {"stubs": stubs, "image": host.image})


def installed(host: Node) -> str:
    """Return the folder of the current driver on a host; an empty string if there is none."""
    current = host.drivers / "current"
    return str(current.readlink()) if current.is_symlink() else ""


def drivers(host: Node) -> set[str]:
    """Return the names of all drivers that a host keeps."""
    return {path.name for path in host.drivers.iterdir() if not path.is_symlink()} if host.drivers.exists() else set()
