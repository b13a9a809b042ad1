"""The container runtime of a node: containerd, its configuration, its images, and the registries that it trusts."""

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.machines.cluster.namespace import Namespace
from tests.support.servers.processes import started, wait_until
from tests.support.servers.registry_server import LOOPBACK, RegistryServer

PAUSE = "docker.io/library/installer-pause:test"
# Where the kubelet's images are (containerd, docs/namespaces.md).
_NAMESPACE = "k8s.io"
# Machines of tests may lack CAP_SYS_RESOURCE, AppArmor and huge pages (containerd, docs/cri/config.md).
_CONFIG = """\
version = 2
root = "{data}"
state = "{state}"
oom_score = 0
[grpc]
address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
disable_apparmor = true
restrict_oom_score_adj = true
tolerate_missing_hugetlb_controller = true
disable_hugetlb_controller = true
# Versions before 1.7 do not know it, and ignore it.
enable_cdi = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{etc}/cni"
conf_dir = "{etc}/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{etc}/registries"
"""
# A pod counts as connected once a plugin reports an address; no test needs one that works (CNI specification 0.4.0).
_PLUGIN = """\
#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
echo '{"cniVersion": "0.4.0", "interfaces": [{"name": "'"$CNI_IFNAME"'", "sandbox": "'"$CNI_NETNS"'"}],' \\
  '"ips": [{"version": "4", "address": "10.213.0.2/32", "interface": 0}]}'
"""
_NETWORK = '{"cniVersion": "0.4.0", "name": "test", "plugins": [{"type": "test"}]}\n'
_REGISTRY = """\
server = "https://{address}"
[host."https://{address}"]
capabilities = ["pull", "resolve"]
ca = "{authority}"
"""


def containerd_of(programs: Path) -> Path:
    """Return the folder of the containerd that scripts/setup-cluster keeps beside the Kubernetes programs."""
    return programs.parents[1] / "containerd"


def write_configuration(etc: Path, seen: Path, *, data: Path, state: Path, socket: Path) -> None:
    """Write containerd's files into the folder `etc`, which containerd sees as `seen`: config.toml, cni, registries."""
    (etc / "cni").mkdir(parents=True)
    (etc / "registries").mkdir()
    (etc / "config.toml").write_text(_CONFIG.format(data=data, state=state, socket=socket, etc=seen, pause=PAUSE))
    (etc / "cni/test.conflist").write_text(_NETWORK)
    # containerd calls a plugin of the second name for each pod, too.
    for name in ("test", "loopback"):
        (etc / "cni" / name).write_text(_PLUGIN)
        (etc / "cni" / name).chmod(0o755)


def trust(etc: Path, seen: Path, server: RegistryServer, address: str = LOOPBACK) -> None:
    """Let the containerd with these files pull from a registry with TLS, which it reaches at an address."""
    assert server.authority
    folder = etc / "registries" / server.host
    folder.mkdir()
    (folder / "ca.pem").write_bytes(server.authority.read_bytes())
    authority = seen / folder.relative_to(etc) / "ca.pem"
    (folder / "hosts.toml").write_text(_REGISTRY.format(address=f"{address}:{server.port}", authority=authority))


@dataclass(frozen=True, kw_only=True)
class Containerd:
    """A running containerd: the folder of its programs, its own folder, and the namespace that it runs in."""

    programs: Path
    folder: Path
    namespace: Namespace

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def trust(self, server: RegistryServer) -> None:
        """Let it pull from a registry on loopback with TLS."""
        trust(self.folder / "etc", self.folder / "etc", server)

    def load(self, archive: Iterable[bytes]) -> None:
        """Load the images of an archive, as `docker save` writes it."""
        with subprocess.Popen([*self._ctr(), "images", "import", "-"], stdin=subprocess.PIPE) as ctr:
            assert ctr.stdin
            for chunk in archive:
                ctr.stdin.write(chunk)
            ctr.stdin.close()
        assert ctr.returncode == 0

    def pull(self, reference: str, login: str = "") -> None:
        """Pull an image; `login` is `user:password`."""
        hosts = f"--hosts-dir={self.folder / 'etc/registries'}"
        user = [f"--user={login}"] if login else []
        subprocess.run([*self._ctr(), "images", "pull", hosts, *user, reference], check=True, capture_output=True)

    def is_serving(self) -> bool:
        """Return whether it answers."""
        command = [str(self.programs / "ctr"), f"--address={self.socket}", "version"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _ctr(self) -> list[str]:
        return [str(self.programs / "ctr"), f"--address={self.socket}", f"--namespace={_NAMESPACE}"]


@contextmanager
def containerd(programs: Path, folder: Path, namespace: Namespace, data: Path | None = None) -> Iterator[Containerd]:
    """Start containerd in the namespace, with which it and its containers end.

    Its images are in `data`, by default a part of its folder.
    """
    found = Containerd(programs=programs, folder=folder, namespace=namespace)
    etc = folder / "etc"
    write_configuration(etc, etc, data=data or folder / "data", state=folder / "state", socket=found.socket)
    # It looks for its shim, and the shim for runc, on PATH.
    path = f"PATH={programs}:/usr/sbin:/usr/bin:/sbin:/bin"
    command = namespace.command("env", path, programs / "containerd", f"--config={etc / 'config.toml'}")
    with started(command, folder / "log") as process:
        wait_until(found.is_serving, process, str(found.socket))
        yield found
