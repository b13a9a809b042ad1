"""The address of the container engine, from --engine, DOCKER_HOST or a Docker context. Nothing is connected to here.

The order is that of docker(1) (https://docs.docker.com/engine/manage-resources/contexts/): the command line, DOCKER_HOST,
DOCKER_CONTEXT, `currentContext` of config.json, and the socket of this machine.
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
from lifecycle.tools.engine.url import checked_url
from lifecycle.tools.paths import home

ENGINE_VARIABLE = "INVOKE_ENGINE"
_SOCKET = "unix:///var/run/docker.sock"
_DEFAULT = "default"  # the context without a file: DOCKER_HOST, or the socket


class ContextNotFoundError(UsageError):
    """A Docker context that does not exist."""

    def __init__(self, name: str, setting: str) -> None:
        super().__init__(
            f"{setting}: there is no Docker context {name!r}: name one of `docker context ls`, "
            "or write an address such as ssh://user@host"
        )


class InvalidContextError(UsageError):
    """A file of a Docker context that contains no address."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}: create the Docker context again with `docker context create`")


class CertificatesNotFoundError(UsageError):
    """TLS that the environment asks for without its files."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"DOCKER_TLS_VERIFY, DOCKER_CERT_PATH: ca.pem, cert.pem or key.pem is missing in {folder}: "
            "put all of them there, or unset the variables"
        )


@dataclass(frozen=True, kw_only=True)
class EngineAddress:
    """The address of an engine (`ssh://`, `tcp://` or `unix://`), its TLS settings, and the name of its Docker context."""

    url: str
    context: str = ""
    tls: TLSConfig | None = None

    def __str__(self) -> str:
        return f"{self.url} (Docker context {self.context!r})" if self.context else self.url


def engine_address(environ: Mapping[str, str]) -> EngineAddress:
    """Return the address of the engine that an environment names.

    The environment carries `--engine` in INVOKE_ENGINE: an address, or the name of a Docker context.
    Raises ContextNotFoundError, InvalidContextError, InvalidEngineAddressError, CertificatesNotFoundError, NoHomeError.
    """
    folder = Path(environ.get("DOCKER_CONFIG") or home("Docker's configuration") / ".docker")
    chosen, host = environ.get(ENGINE_VARIABLE, ""), environ.get("DOCKER_HOST", "")
    if "://" in chosen:
        return _with_tls(chosen, "--engine", environ)
    name, setting = chosen, "--engine"
    if not name and host:
        name = _DEFAULT
    if not name:
        name, setting = environ.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not name:
        name, setting = _current_context(folder), f"currentContext of {folder / 'config.json'}"
    if name == _DEFAULT:
        return _with_tls(_with_scheme(host) if host else _SOCKET, "DOCKER_HOST", environ)
    return _context(folder, name, setting)


def _with_scheme(host: str) -> str:
    """Return a value of DOCKER_HOST as an address: without a scheme it is one of TCP, as for docker(1)."""
    return host if "://" in host else f"tcp://{host}"


def _with_tls(given: str, setting: str, environ: Mapping[str, str]) -> EngineAddress:
    """Return an address with the TLS settings of DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, which apply to TCP only."""
    url = checked_url(given, setting, tls=bool(environ.get("DOCKER_TLS_VERIFY")))
    if not url.startswith("tcp://"):
        return EngineAddress(url=url)
    try:
        return EngineAddress(url=url, tls=kwargs_from_env({**environ, "DOCKER_HOST": url}).get("tls"))
    except TLSParameterError as error:
        raise CertificatesNotFoundError(environ.get("DOCKER_CERT_PATH") or "~/.docker") from error


def _current_context(folder: Path) -> str:
    try:
        found = json.loads((folder / "config.json").read_bytes())
    except (OSError, RecursionError, ValueError):
        # docker(1) warns of a file that it cannot read, such as root's, and goes on without it.
        return _DEFAULT
    return str(found.get("currentContext") or _DEFAULT) if isinstance(found, dict) else _DEFAULT


def _context(folder: Path, name: str, setting: str) -> EngineAddress:
    """Return the address of a Docker context; docker(1) keeps it in a folder named by the sha256 of the context's name."""
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    path = folder / "contexts" / "meta" / digest / "meta.json"
    try:
        endpoint = json.loads(path.read_text(encoding="utf-8"))["Endpoints"]["docker"]
        url = str(endpoint.get("Host") or _SOCKET)
    except FileNotFoundError as error:
        raise ContextNotFoundError(name, setting) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidContextError(path, "it contains no address of an engine") from error
    tls = _tls(folder / "contexts" / "tls" / digest / "docker", endpoint)
    return EngineAddress(url=checked_url(url, str(path), tls=tls is not None), context=name, tls=tls)


def _tls(folder: Path, endpoint: Mapping[str, Any]) -> TLSConfig | None:
    """Return the TLS settings of a context; None without any TLS file, unless the context skips the check of the certificate."""
    ca, certificate, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    unchecked = bool(endpoint.get("SkipTLSVerify"))
    if not unchecked and not ca.exists() and not certificate.exists():
        return None
    return TLSConfig(
        ca_cert=str(ca) if ca.exists() else None,
        client_cert=(str(certificate), str(key)) if certificate.exists() and key.exists() else None,
        verify=not unchecked,
    )
