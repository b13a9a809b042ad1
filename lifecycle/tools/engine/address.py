"""Where the container engine is: by --engine, DOCKER_HOST, or a context of docker(1). Reads Docker's files, connects to nothing.

The order is docker(1)'s (https://docs.docker.com/engine/manage-resources/contexts/): what the command line says, then
DOCKER_HOST, DOCKER_CONTEXT, `currentContext` of config.json, and in the end the socket of this machine.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import TLSParameterError
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env

from lifecycle.errors import UsageError

ENGINE_VARIABLE = "INVOKE_ENGINE"
_SOCKET = "unix:///var/run/docker.sock"
_DEFAULT = "default"  # the context that is in no file: DOCKER_HOST, or the socket


class NoContextError(UsageError):
    """A context that docker(1) has not been told of."""

    def __init__(self, name: str, said_by: str) -> None:
        super().__init__(
            f"{said_by}: there is no Docker context {name!r}: `docker context ls` lists them; "
            "or write an address, such as ssh://user@host"
        )


class DamagedContextError(UsageError):
    """A file of docker(1)'s that does not say where an engine is."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}: make the Docker context anew with `docker context create`")


class NoCertificateError(UsageError):
    """TLS that is asked for, by the environment, without the files for it."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"DOCKER_TLS_VERIFY, DOCKER_CERT_PATH: there are not all of ca.pem, cert.pem and key.pem in {folder}: "
            "put them there, or unset the variables"
        )


@dataclass(frozen=True, kw_only=True)
class EngineAddress:
    """Where an engine answers, `ssh://`, `tcp://` or `unix://`, and what it is to be trusted by over TLS; `context` is its name."""

    url: str
    context: str = ""
    tls: TLSConfig | None = None

    def __str__(self) -> str:
        return f"{self.url} (Docker context {self.context!r})" if self.context else self.url


def engine_address(environ: Mapping[str, str]) -> EngineAddress:
    """The engine that an environment means, in which `--engine` is INVOKE_ENGINE: an address, or the name of a context.

    Raises NoContextError, DamagedContextError, NoCertificateError.
    """
    folder = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    chosen, host = environ.get(ENGINE_VARIABLE, ""), environ.get("DOCKER_HOST", "")
    if "://" in chosen:
        return _addressed(chosen, environ)
    name, said_by = chosen, "--engine"
    if not name and host:
        name = _DEFAULT
    if not name:
        name, said_by = environ.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not name:
        name, said_by = _current_context(folder), f"currentContext of {folder / 'config.json'}"
    if name == _DEFAULT:
        return _addressed(host or _SOCKET, environ)
    return _context(folder, name, said_by)


def _addressed(url: str, environ: Mapping[str, str]) -> EngineAddress:
    """An address with the TLS of DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, which are for TCP."""
    if not url.startswith("tcp://"):
        return EngineAddress(url=url)
    try:
        return EngineAddress(url=url, tls=kwargs_from_env({**environ, "DOCKER_HOST": url}).get("tls"))
    except TLSParameterError as error:
        raise NoCertificateError(environ.get("DOCKER_CERT_PATH") or "~/.docker") from error


def _current_context(folder: Path) -> str:
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return _DEFAULT
    return str(found.get("currentContext") or _DEFAULT) if isinstance(found, dict) else _DEFAULT


def _context(folder: Path, name: str, said_by: str) -> EngineAddress:
    """A context, from where docker(1) keeps it: folders named by the sha256 of its name."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    path = folder / "contexts" / "meta" / digest / "meta.json"
    try:
        endpoint = json.loads(path.read_text(encoding="utf-8"))["Endpoints"]["docker"]
        url = str(endpoint.get("Host") or _SOCKET)
    except FileNotFoundError as error:
        raise NoContextError(name, said_by) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DamagedContextError(path, "it names no engine") from error
    return EngineAddress(url=url, context=name, tls=_tls(folder / "contexts" / "tls" / digest / "docker", endpoint))


def _tls(folder: Path, endpoint: Mapping[str, Any]) -> TLSConfig | None:
    """The files that a context keeps for TLS; without any it is not used, unless the certificate is not to be checked."""
    ca, certificate, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    unchecked = bool(endpoint.get("SkipTLSVerify"))
    if not unchecked and not ca.exists() and not certificate.exists():
        return None
    return TLSConfig(
        ca_cert=str(ca) if ca.exists() else None,
        client_cert=(str(certificate), str(key)) if certificate.exists() and key.exists() else None,
        verify=not unchecked,
    )
