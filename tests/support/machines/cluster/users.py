"""Users of the cluster with the rights that the guide to `invoke rollout` names."""

import base64
from pathlib import Path

import yaml

from tests.support.checkout import ROOT
from tests.support.machines.cluster.cluster import Cluster

_NAME, _NAMESPACE = "rollout", "default"
_GUIDE = ROOT / "docs/how-to/upgrade-drivers.md"


def rules(title: str) -> list[object]:
    """Return the RBAC rules of the guide's YAML block that begins with `# <title>`."""
    blocks = [block.partition("```")[0] for block in _GUIDE.read_text().split("```yaml\n")[1:]]
    (found,) = [block for block in blocks if block.startswith(f"# {title}")]
    return list(yaml.safe_load(found))


def kubeconfig_with(cluster: Cluster, folder: Path, *titles: str) -> Path:
    """Create a service account with the rules of blocks of the guide, and return its kubeconfig."""
    rbac = "rbac.authorization.k8s.io"
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _NAME, "namespace": _NAMESPACE}},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": _NAME},
            "rules": [rule for title in titles for rule in rules(title)],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _NAME},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": _NAME},
            "subjects": [{"kind": "ServiceAccount", "name": _NAME, "namespace": _NAMESPACE}],
        },
    )
    words = ("serviceaccount", _NAME, f"--namespace={_NAMESPACE}")
    (secret,) = cluster.wait(lambda: list(cluster.get(*words).get("secrets", [])), "the account's token")
    token = cluster.get("secret", secret["name"], f"--namespace={_NAMESPACE}")["data"]["token"]
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": base64.b64decode(token).decode()}
    path = folder / "user.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
