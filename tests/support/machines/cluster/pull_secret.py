"""Secrets with a registry's password, for pods that pull from it."""

import json

from tests.support.machines.cluster.cluster import Cluster
from tests.support.servers.registry_server import PASSWORD, USER, RegistryServer


def make_pull_secret(
    cluster: Cluster, namespace: str, name: str, server: RegistryServer, password: str = PASSWORD
) -> None:
    """Create or replace a secret with a password for a registry."""
    login = {"auths": {server.host: {"username": USER, "password": password}}}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": {".dockerconfigjson": json.dumps(login)},
    }
    cluster.apply(secret)
