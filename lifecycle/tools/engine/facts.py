"""The facts that an engine tells about itself and its machine (Docker Engine API, "Get system information")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifecycle.tools.engine.connection import EngineConnection
from lifecycle.tools.network.errors import without_login
from lifecycle.tools.network.no_proxy import is_direct, parse_no_proxy

# The names that the kernel has for the architectures of Debian (uname -m).
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """The facts about an engine.

    `machine` is the name of its machine, `root` the folder of its data there, `memory` is in bytes. `proxies` are the engine's own
    by scheme, without logins, and `no_proxy` their exceptions.
    """

    version: str
    system: str
    machine: str
    architecture: str
    cpus: int
    memory: int
    root: str
    proxies: Mapping[str, str]
    no_proxy: str

    def proxy_for(self, host: str, port: int, scheme: str) -> str:
        """Return the proxy through which the engine reaches a host, or "" if it reaches it directly."""
        return "" if is_direct(host, port, parse_no_proxy(self.no_proxy)[0]) else self.proxies.get(scheme, "")


def engine_facts(engine: EngineConnection) -> EngineFacts:
    """Return the facts of an engine. Raises EngineUnreachableError, EngineRefusedError."""
    with engine.sdk_errors("tell about itself"):
        return read_facts(engine.client.info())


def read_facts(about: Mapping[str, Any]) -> EngineFacts:
    """Return the facts in an engine's answer; podman leaves some keys out."""
    proxies = {"http": about.get("HttpProxy") or "", "https": about.get("HttpsProxy") or ""}
    architecture = str(about.get("Architecture") or "")
    return EngineFacts(
        version=str(about.get("ServerVersion") or "unknown"),
        system=str(about.get("OperatingSystem") or "unknown"),
        machine=str(about.get("Name") or ""),
        architecture=_ARCHITECTURES.get(architecture, architecture),
        cpus=int(about.get("NCPU") or 0),
        memory=int(about.get("MemTotal") or 0),
        root=str(about.get("DockerRootDir") or ""),
        proxies={scheme: without_login(proxy) for scheme, proxy in proxies.items() if proxy},
        no_proxy=str(about.get("NoProxy") or ""),
    )
