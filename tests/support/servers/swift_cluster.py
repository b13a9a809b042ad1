"""A real OpenStack Swift on loopback: account, container, object and proxy server, one replica, TempAuth.

Each server gets its own configuration, whose `swift_dir` keeps it away from the machine's /etc/swift. A listing's page is
short, so that a few objects make several. Sources: Swift's documentation, "SAIO" and "Deployment Guide".
"""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx

from tests.support.servers.processes import Process, free_port, started, wait_for

PAGE = 4
USER, KEY = "test:tester", "testing"
_POLICY = ["1", "1", "1"]  # part power, replicas, hours between moves

_SWIFT_CONF = f"""\
[swift-hash]
swift_hash_path_prefix = nvidia
swift_hash_path_suffix = installer
[swift-constraints]
container_listing_limit = {PAGE}
[storage-policy:0]
name = Policy-0
default = yes
"""
_STORAGE_CONF = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
workers = 0
user = {user}
log_statsd_host =
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
PROXY_CONF = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
workers = 0
user = {user}
[pipeline:main]
pipeline = catch_errors healthcheck cache {auth} slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
# A server that was away is asked again at once.
error_suppression_limit = 1000000
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memcached}
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


@dataclass
class SwiftCluster:
    """A running cluster: the ports of its servers by kind, its folder, and its server processes by kind."""

    ports: Mapping[str, int]
    folder: Path
    servers: dict[str, Process] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """Return the proxy's port."""
        return self.ports["proxy"]

    @property
    def memcached(self) -> int:
        """Return the port of the memcached that keeps tokens."""
        return self.ports["memcached"]

    @property
    def environ(self) -> Mapping[str, str]:
        """Return the variables that the swift client reads, with the address, the user and the key."""
        return {"ST_AUTH": f"http://127.0.0.1:{self.port}/auth/v1.0", "ST_USER": USER, "ST_KEY": KEY}

    def forget_tokens(self) -> None:
        """Expire all tokens, which TempAuth keeps in memcached."""
        with socket.create_connection(("127.0.0.1", self.memcached)) as connection:
            connection.sendall(b"flush_all\r\n")
            assert connection.recv(64) == b"OK\r\n"

    def start(self, kind: str) -> None:
        """Start a server that was stopped, and wait until it answers."""
        self.servers[kind].start()
        wait_for(f"http://127.0.0.1:{self.ports[kind]}/healthcheck", self.servers[kind], any_answer=True)

    def files_of_objects(self) -> list[Path]:
        """Return the files in which the object server keeps uploaded objects."""
        return sorted((self.folder / "devices").rglob("*.data"))


@contextmanager
def swift_cluster(folder: Path) -> Iterator[SwiftCluster]:
    """Start a cluster below an empty folder, and stop its servers at the end."""
    ports = {kind: free_port() for kind in ("account", "container", "object", "proxy", "memcached")}
    (folder / "devices" / "d1").mkdir(parents=True)
    (folder / "swift.conf").write_text(_SWIFT_CONF)
    for kind in ("account", "container", "object"):
        _ring(folder, kind, ports[kind])
    values = {"folder": folder, "user": account_owner(), "memcached": ports["memcached"], "auth": "tempauth"}
    cluster = SwiftCluster(ports=ports, folder=folder)
    with ExitStack() as stack:
        memcached = ["memcached", "-l", "127.0.0.1", "-p", str(ports["memcached"]), "-u", account_owner()]
        stack.enter_context(started(memcached, folder / "memcached.log"))
        for kind, template in {
            **dict.fromkeys(("account", "container", "object"), _STORAGE_CONF),
            "proxy": PROXY_CONF,
        }.items():
            conf = folder / f"{kind}.conf"
            conf.write_text(template.format(kind=kind, port=ports[kind], **values))
            process = started([program(f"swift-{kind}-server"), str(conf)], folder / f"{kind}.log")
            cluster.servers[kind] = stack.enter_context(process)
        wait_for(f"http://127.0.0.1:{ports['proxy']}/healthcheck", cluster.servers["proxy"])
        _wait_for_storage(cluster)
        yield cluster


def _wait_for_storage(cluster: SwiftCluster) -> None:
    """Wait until the account server answers through the proxy, which itself answers earlier."""
    signed_in = httpx.get(cluster.environ["ST_AUTH"], headers={"X-Auth-User": USER, "X-Auth-Key": KEY})
    headers = {"X-Auth-Token": signed_in.headers["X-Auth-Token"]}
    wait_for(signed_in.headers["X-Storage-Url"], cluster.servers["account"], headers=headers)


def _ring(folder: Path, kind: str, port: int) -> None:
    builder = folder / f"{kind}.builder"
    for words in (["create", *_POLICY], ["add", f"r1z1-127.0.0.1:{port}/d1", "1"], ["rebalance"]):
        subprocess.run([program("swift-ring-builder"), builder, *words], check=True, capture_output=True)


def program(name: str) -> str:
    """Return the path of an OpenStack program beside our interpreter or on PATH; its name if it is in neither."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else str(shutil.which(name) or name)


def account_owner() -> str:
    """Return the owner of the home folder, the user that runs the tests and that the servers run as."""
    return Path.home().owner()
