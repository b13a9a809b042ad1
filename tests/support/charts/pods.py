"""A rendered pod for who is no kubelet: words and environment of its containers as files, or as a container engine's options."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.charts.installer_chart import Rendered, pod_of


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """A container's environment."""
    return {variable["name"]: variable["value"] for variable in container["env"]}


def write_pod(chart: Rendered, daemonset: str, folder: Path) -> None:
    """Write what the guest's pod.sh reads: /pod, and the files of the ConfigMap where the pod mounts them."""
    pod = pod_of(chart.one("DaemonSet", daemonset))
    (install,), (driver,) = pod["initContainers"], pod["containers"]
    words = {
        "init": install["command"],
        "driver": driver["command"],
        "probe": driver["readinessProbe"]["exec"]["command"],
        "prestop": driver["lifecycle"]["preStop"]["exec"]["command"],
    }
    (folder / "pod").mkdir(parents=True)
    for name, command in words.items():
        (folder / "pod" / name).write_text("\n".join(command) + "\n")
    exports = [f"export {name}={shlex.quote(value)}\n" for name, value in environment(install).items()]
    (folder / "pod" / "env").write_text("".join(exports))
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in install["volumeMounts"]:
        source = volumes[mount["name"]].get("configMap")
        if source:
            place = folder / mount["mountPath"].lstrip("/")
            place.mkdir(parents=True)
            for name, text in chart.one("ConfigMap", source["name"])["data"].items():
                (place / name).write_text(text)


def engine_options(pod: Mapping[str, Any], container: Mapping[str, Any], host: Path) -> dict[str, Any]:
    """Options of the container engine for a container of a pod, on a host whose root is a folder.

    A privileged container gets the rights that the installer uses, and no more: the engine here may not give all.
    """
    volumes = {volume["name"]: volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume}
    return {
        "command": container["command"][1:],
        "entrypoint": container["command"][:1],
        "environment": environment(container),
        "pid_mode": "host" if pod.get("hostPID") else None,
        "network_mode": "none",
        "cap_add": ["SYS_ADMIN", "SYS_MODULE", "MKNOD"] if container["securityContext"].get("privileged") else [],
        "volumes": {
            str(host) + volumes[mount["name"]].rstrip("/"): {"bind": mount["mountPath"], "mode": "rw"}
            for mount in container["volumeMounts"]
            if mount["name"] in volumes and mount["name"] != "dev"
        },
    }
