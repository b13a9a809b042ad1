"""The init container that checks the installer's image, as the chart is rendered, in the container engine."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.targets import Targets, base_tag
from tests.support.charts.installer_chart import COMBINATIONS, Rendered, container_of, installer_of, pod_of, rendered
from tests.support.charts.pods import environment
from tests.support.checkout import ROOT
from tests.support.machines.cluster.engine_images import build

# The name by which the container knows a registry on loopback. cosign speaks HTTP to an address of loopback if TLS fails.
HOST = "registry.test"
_SECONDS = 120


@contextmanager
def cosign_image(engine: docker.DockerClient, cosign: Path, busybox: Path) -> Iterator[str]:
    """Build an image with cosign and two shells, and remove it at the end. Yield its tag."""
    project = load_locked_project(ROOT)
    base = base_tag(Targets(project).runtime(project.matrix.combinations[0]))
    tag = f"nvidia-installer-test/cosign:{os.getpid()}"
    dockerfile = f"FROM {base}\nCOPY cosign busybox /usr/bin/\n"
    build(engine, tag, dockerfile, {"cosign": cosign, "busybox": busybox})
    try:
        yield tag
    finally:
        engine.images.remove(tag, force=True)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A container that has ended: its exit code, its log, and the last line of that."""

    code: int
    log: str

    @property
    def said(self) -> str:
        return self.log.splitlines()[-1]


@dataclass(frozen=True, kw_only=True)
class VerifyImage:
    """The container of an installer's pod that checks its image.

    `image` has cosign, and `folder` takes the files that the container mounts. `authority` is the registry's certificate, the
    content of the ConfigMap `authorities`; `login` is that of the Secret `registry`.
    """

    engine: docker.DockerClient
    image: str
    authority: Path
    folder: Path
    login: str = field(default="{}", repr=False)

    def run(self, reference: str, key: str, *, sh: Sequence[str] = ("sh",), **values: object) -> Ended:
        """Run the container for an image by its digest, with a public key.

        `sh` is the shell, `values` are further ones of `signedImages`.
        """
        repository, _, digest = reference.partition("@")
        repository = repository.replace("127.0.0.1", HOST)
        tool, _, tag = self.image.rpartition(":")
        signed = {
            "enabled": True,
            "image": {"repository": tool, "tag": tag},
            "publicKey": key,
            "certificates": "authorities",
        }
        installer = installer_of(COMBINATIONS[0], image={"repository": repository, "digest": digest})
        chart = rendered({"installers": [installer], "signedImages": {**signed, **values}})
        container = container_of(chart.installers[0], "verify-image")
        return self._end({**container, "command": [*sh, *container["command"][1:]]}, self._volumes(chart, container))

    def _volumes(self, chart: Rendered, container: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        """Write the files that the container mounts, as the kubelet does."""
        bound = {}
        volumes = {volume["name"]: volume for volume in pod_of(chart.installers[0])["volumes"]}
        for mount in container["volumeMounts"]:
            place = self.folder / mount["name"]
            place.mkdir(exist_ok=True)
            place.chmod(0o755)
            for name, text in self._files(chart, volumes[mount["name"]]).items():
                (place / name).write_text(text)
            bound[str(place)] = {"bind": mount["mountPath"], "mode": "ro"}
        return bound

    def _files(self, chart: Rendered, volume: Mapping[str, Any]) -> Mapping[str, str]:
        if "secret" in volume:
            (item,) = volume["secret"]["items"]
            return {item["path"]: self.login}
        if volume["configMap"]["name"] == "authorities":
            return {"ca.crt": self.authority.read_text()}
        data: Mapping[str, str] = chart.one("ConfigMap", volume["configMap"]["name"])["data"]
        return data

    def _end(self, container: Mapping[str, Any], volumes: dict[str, dict[str, str]]) -> Ended:
        context = container["securityContext"]
        started = self.engine.containers.run(
            container["image"],
            detach=True,
            entrypoint=container["command"][:1],
            command=container["command"][1:],
            environment=environment(container),
            volumes=volumes,
            user=str(context["runAsUser"]),
            read_only=context["readOnlyRootFilesystem"],
            cap_drop=context["capabilities"]["drop"],
            security_opt=["no-new-privileges"],
            mem_limit=container["resources"]["limits"]["memory"].removesuffix("i").lower(),
            network_mode="host",
            extra_hosts={HOST: "127.0.0.1"},
        )
        try:
            code = started.wait(timeout=_SECONDS)["StatusCode"]
            return Ended(code=int(code), log=started.logs().decode())
        finally:
            started.remove(force=True, v=True)
