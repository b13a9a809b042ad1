"""A real OpenStack Keystone on loopback, and a Swift proxy that trusts it, beside the cluster's own with TempAuth.

Sources: Keystone's documentation, "Keystone Installation Tutorial" (bootstrap); keystonemiddleware's, "Configuration";
Identity API v3, "Service catalog and endpoints", "Application credentials".
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.support.servers.processes import free_port, started, wait_for
from tests.support.servers.swift_cluster import PROXY_CONF, SwiftCluster, account_owner, program

PASSWORD = "correct horse"  # noqa: S105 - of a server that lives as long as the tests
_REGION = "loopback"

_CONF = """\
[database]
connection = sqlite:///{folder}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = {folder}/fernet
[fernet_receipts]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[cache]
enabled = false
"""
_FILTERS = """\
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {url}
auth_url = {url}
auth_type = password
username = admin
password = {password}
project_name = admin
user_domain_id = default
project_domain_id = default
delay_auth_decision = true
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin
"""


@dataclass(frozen=True)
class Keystone:
    """A running Keystone, whose catalog names the cluster as the object store."""

    url: str
    token: str
    user: str

    @property
    def password_environ(self) -> Mapping[str, str]:
        """Return the variables that OpenStack's clients read, with a user and a password."""
        return {
            "OS_AUTH_URL": self.url,
            "OS_USERNAME": "admin",
            "OS_PASSWORD": PASSWORD,
            "OS_PROJECT_NAME": "admin",
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_REGION_NAME": _REGION,
        }

    def application_environ(self) -> Mapping[str, str]:
        """Return the variables that OpenStack's clients read, with a new application credential."""
        made = self.post(f"users/{self.user}/application_credentials", {"application_credential": {"name": "ci"}})
        credential = made["application_credential"]
        return {
            "OS_AUTH_URL": self.url,
            "OS_APPLICATION_CREDENTIAL_ID": credential["id"],
            "OS_APPLICATION_CREDENTIAL_SECRET": credential["secret"],
        }

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Create an object with the Identity API, and return the API's answer."""
        answer = httpx.post(f"{self.url}/{path}", json=body, headers={"X-Auth-Token": self.token}, timeout=60)
        return dict(answer.raise_for_status().json())


@contextmanager
def keystone_server(folder: Path, cluster: SwiftCluster) -> Iterator[Keystone]:
    """Start Keystone below an empty folder, and a proxy of the cluster that trusts it; stop both at the end."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/v3"
    (folder / "keystone.conf").write_text(_CONF.format(folder=folder))
    owner = ["--keystone-user", account_owner(), "--keystone-group", account_owner()]
    _manage(folder, "db_sync")
    _manage(folder, "fernet_setup", *owner)
    _manage(folder, "credential_setup", *owner)
    bootstrap = {"password": PASSWORD, "public-url": url, "internal-url": url, "region-id": _REGION}
    _manage(
        folder, "bootstrap", *(word for name, value in bootstrap.items() for word in (f"--bootstrap-{name}", value))
    )
    server = [sys.executable, str(Path(__file__).with_name("keystone_wsgi.py")), str(port)]
    environ = {**os.environ, "OS_KEYSTONE_CONFIG_DIR": str(folder)}
    with (
        started(server, folder / "keystone.log", environ=environ) as process,
        _proxy(folder, cluster, url) as proxy_port,
    ):
        wait_for(url, process)
        yield _with_object_store(url, f"http://127.0.0.1:{proxy_port}/v1/AUTH_%(tenant_id)s")


@contextmanager
def _proxy(folder: Path, cluster: SwiftCluster, url: str) -> Iterator[int]:
    port, conf = free_port(), folder / "proxy.conf"
    text = PROXY_CONF.format(
        port=port,
        folder=cluster.folder,
        user=account_owner(),
        memcached=cluster.memcached,
        auth="authtoken keystoneauth",
    )
    conf.write_text(text + _FILTERS.format(url=url, password=PASSWORD))
    with started([program("swift-proxy-server"), str(conf)], folder / "proxy.log") as process:
        wait_for(f"http://127.0.0.1:{port}/healthcheck", process)
        yield port


def _with_object_store(url: str, endpoint: str) -> Keystone:
    person = {"name": "admin", "domain": {"id": "default"}}
    password = {"user": {**person, "password": PASSWORD}}
    body = {"identity": {"methods": ["password"], "password": password}, "scope": {"project": person}}
    answer = httpx.post(f"{url}/auth/tokens", json={"auth": body}, timeout=60).raise_for_status()
    keystone = Keystone(url, answer.headers["X-Subject-Token"], answer.json()["token"]["user"]["id"])
    service = keystone.post("services", {"service": {"type": "object-store", "name": "swift"}})["service"]
    endpoint_of = {"interface": "public", "region_id": _REGION, "url": endpoint, "service_id": service["id"]}
    keystone.post("endpoints", {"endpoint": endpoint_of})
    return keystone


def _manage(folder: Path, *words: str) -> None:
    command = [program("keystone-manage"), "--config-file", str(folder / "keystone.conf"), *words]
    subprocess.run(command, check=True, capture_output=True)
