"""The connection to a cluster, found as kubectl finds it: --kubeconfig, KUBECONFIG, ~/.kube/config, a pod's service account."""

import importlib
import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lifecycle.errors import InstallerError, UsageError

_LIBRARY = "kubernetes"


class ClientMissingError(InstallerError):
    """A machine without the Kubernetes client."""

    def __init__(self) -> None:
        super().__init__(
            "the Kubernetes client for Python is not installed on this machine",
            resolution="Run `.venv/bin/python -m pip install --require-hashes --requirement requirements/rollout.txt`.",
        )


class NoClusterError(UsageError):
    """A machine on which nothing says how to reach a cluster."""

    def __init__(self, looked_at: str) -> None:
        super().__init__(
            f"no cluster is configured: {looked_at} does not exist, and this is no pod: set KUBECONFIG, or use --kubeconfig"
        )


class BadKubeconfigError(UsageError):
    """A kubeconfig that cannot be used."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}: correct the file, or name another context or kubeconfig")


def open_client(file: str, context: str, environ: Mapping[str, str], *, connections: int) -> Any:  # noqa: ANN401 - untyped
    """Return the `ApiClient` of a cluster; `file` and `context` are "" for what kubectl would take.

    `connections` is the number of requests at the same time. Raises ClientMissingError, NoClusterError, BadKubeconfigError.
    """
    if importlib.util.find_spec(_LIBRARY) is None:
        raise ClientMissingError
    client = importlib.import_module("kubernetes.client")
    configuration = client.Configuration()
    _load(configuration, file or environ.get("KUBECONFIG") or "~/.kube/config", context, given=bool(file))
    # Our own retries know Retry-After and the end of the run.
    configuration.retries = False
    configuration.connection_pool_maxsize = connections
    return client.ApiClient(configuration)


def _load(configuration: object, paths: str, context: str, *, given: bool) -> None:
    config = importlib.import_module("kubernetes.config")
    found = [path for path in paths.split(os.pathsep) if path and Path(path).expanduser().exists()]
    where = ":".join(found) or paths
    try:
        if found:
            config.load_kube_config(":".join(found), context=context or None, client_configuration=configuration)
        elif given or context:
            raise BadKubeconfigError(where, "there is no such file")
        else:
            config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException as error:
        if not found:
            raise NoClusterError(where) from error
        raise BadKubeconfigError(where, str(error).strip().rstrip(".")) from error
    except yaml.YAMLError as error:
        raise BadKubeconfigError(where, "it is not YAML") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadKubeconfigError(where, f"it is no kubeconfig ({type(error).__name__}: {error})") from error
