"""etcd, API server, controller manager and scheduler on loopback, and the kubeconfigs of the API's users."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.support.servers.processes import free_port, started, wait_for, wait_until_open
from tests.support.servers.registry_server import LOOPBACK, certificate

# Who they are to the API server: name, groups (static token file: kube-apiserver(1), --token-auth-file).
ADMIN = ("admin", "system:masters")
CONTROLLERS = ("system:kube-controller-manager", "")
SCHEDULER = ("system:kube-scheduler", "")


def node_user(node: str) -> tuple[str, str]:
    """Return the user that a node's kubelet is (kubernetes.io, "Using Node Authorization")."""
    return f"system:node:{node}", "system:nodes"


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """A running control plane: its address, its folder, its nodes, and the self-signed certificate and key of all its servers."""

    address: str
    nodes: Sequence[str]
    folder: Path
    certificate: Path
    key: Path

    def kubeconfig(self, user: tuple[str, str]) -> Path:
        """Return the path of a user's kubeconfig."""
        return self.folder / f"{user[0].replace(':', '-')}.kubeconfig"


@contextmanager
def control_plane(
    programs: Path, folder: Path, nodes: Sequence[str], *, addresses: Sequence[str] = ()
) -> Iterator[ControlPlane]:
    """Start a control plane whose files are in a folder, and stop it at the end.

    `nodes` are the names of the nodes that may join. `addresses` are its own, for nodes to which it is not on loopback.
    """
    folder.mkdir()
    authority = certificate(folder, LOOPBACK, *addresses)
    port = free_port()
    plane = ControlPlane(
        address=f"https://{LOOPBACK}:{port}",
        nodes=nodes,
        folder=folder,
        certificate=authority,
        key=folder / "key.pem",
    )
    _write_users(plane)
    with ExitStack() as stack:
        etcd = stack.enter_context(_etcd(folder))
        command = _api_server(plane, programs / "kube-apiserver", port, etcd)
        process = stack.enter_context(started(command, folder / "apiserver.log"))
        wait_for(f"{plane.address}/readyz", process, authority=authority)
        for name, user in {"controller-manager": CONTROLLERS, "scheduler": SCHEDULER}.items():
            command, address = _client(plane, programs / f"kube-{name}", user)
            process = stack.enter_context(started(command, folder / f"{name}.log"))
            wait_for(f"{address}/healthz", process, authority=authority)
        yield plane


def _write_users(plane: ControlPlane) -> None:
    lines = []
    for user in (ADMIN, CONTROLLERS, SCHEDULER, *map(node_user, plane.nodes)):
        token = secrets.token_hex()
        lines.append(f'{token},{user[0]},{user[0]},"{user[1]}"\n')
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "test", "cluster": {"server": plane.address, "certificate-authority": str(plane.certificate)}}
            ],
            "users": [{"name": user[0], "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user[0]}}],
            "current-context": "test",
        }
        plane.kubeconfig(user).touch(mode=0o600)
        plane.kubeconfig(user).write_text(yaml.safe_dump(config))
    (plane.folder / "tokens").touch(mode=0o600)
    (plane.folder / "tokens").write_text("".join(lines))


@contextmanager
def _etcd(folder: Path) -> Iterator[str]:
    client, peer = (f"http://{LOOPBACK}:{free_port()}" for _ in range(2))
    command = [
        "etcd",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        # What is in there is of no use after the tests.
        "--unsafe-no-fsync",
    ]
    with started(command, folder / "etcd.log") as process:
        wait_until_open(int(client.rpartition(":")[2]), process)
        wait_for(f"{client}/health", process)
        yield client


def _api_server(plane: ControlPlane, program: Path, port: int, etcd: str) -> list[str]:
    return [
        str(program),
        f"--etcd-servers={etcd}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--secure-port={port}",
        # The address of an API server on loopback is of no use to pods.
        "--endpoint-reconciler-type=none",
        f"--tls-cert-file={plane.certificate}",
        f"--tls-private-key-file={plane.key}",
        f"--token-auth-file={plane.folder / 'tokens'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={plane.certificate}",
        f"--service-account-signing-key-file={plane.key}",
        # The kubelet knows it by the certificate that they share.
        f"--kubelet-client-certificate={plane.certificate}",
        f"--kubelet-client-key={plane.key}",
    ]


def _client(plane: ControlPlane, program: Path, user: tuple[str, str]) -> tuple[list[str], str]:
    """Return the command of a program that uses the API, and the program's own address."""
    port = free_port()
    command = [
        str(program),
        f"--kubeconfig={plane.kubeconfig(user)}",
        f"--bind-address={LOOPBACK}",
        "--port=0",
        f"--secure-port={port}",
        f"--tls-cert-file={plane.certificate}",
        f"--tls-private-key-file={plane.key}",
        "--leader-elect=false",
    ]
    if user == CONTROLLERS:
        command += [
            f"--service-account-private-key-file={plane.key}",
            f"--root-ca-file={plane.certificate}",
            "--use-service-account-credentials=true",
        ]
    return command, f"https://{LOOPBACK}:{port}"
