"""A rendered pod without a kubelet: its containers' commands and environment as files, or as engine options."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.charts.installer_chart import Rendered, pod_of


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """Return a container's environment, without variables from Secrets."""
    return {variable["name"]: variable["value"] for variable in container.get("env", []) if "value" in variable}


def write_pod(chart: Rendered, daemonset: str, folder: Path) -> None:
    """Write the files that the guest's pod.sh reads: /pod, and the ConfigMaps' files at the pod's mount paths."""
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
    """Return the container engine's options for a container of a pod, on a host whose root is a folder.

    A privileged container gets only the capabilities that the installer uses: the engine here may not grant all.
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
