"""A container registry's HTTP API, as far as reading goes: what a tag leads to. Pushing is the engine's.

Sources: OCI distribution specification 1.1, "Pulling manifests"; Docker's "Token authentication" (distribution/docs/spec/auth).
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from lifecycle.errors import InstallerError
from lifecycle.tools.login import Login

_MANIFESTS = ", ".join(
    [
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
# An engine takes a registry on loopback without TLS (dockerd(8), --insecure-registry), and so do we.
_LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+)(:\d+)?")
_CERTIFICATES = Path("/etc/docker/certs.d")


class RegistryRefusedError(InstallerError):
    """A registry that does not answer, or refuses."""

    def __init__(self, host: str, what: str, why: str, *, unauthorised: bool = False) -> None:
        hint = f"Log in with `docker login {host}`, or set INVOKE_REGISTRY_USERNAME and INVOKE_REGISTRY_PASSWORD."
        super().__init__(
            f"the registry {host}: cannot {what}", details=f"  {why}", resolution=hint if unauthorised else ""
        )


@dataclass(frozen=True, kw_only=True)
class RemoteImage:
    """What a tag leads to: the manifest's digest, the image's id, its labels, the bytes of its layers as they are kept."""

    digest: str
    id: str
    labels: Mapping[str, str]
    size: int


class Registry:
    """One registry, by its host: `ghcr.io`, `localhost:5000`; `certificates` is where an engine looks for authorities."""

    def __init__(self, host: str, login: Login | None, *, certificates: Path = _CERTIFICATES) -> None:
        self._host = host
        self._login = login
        authority = certificates / host / "ca.crt"
        trusted = ssl.create_default_context(cafile=str(authority)) if authority.exists() else True
        self._client = httpx.Client(timeout=30, follow_redirects=True, verify=trusted)
        self._base = ""
        self._tokens: dict[str, str] = {}

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    def image(self, repository: str, tag: str) -> RemoteImage | None:
        """What a tag, or a digest, leads to; None where there is none. Raises RegistryRefusedError."""
        answer = self._get(repository, f"manifests/{tag}", accept=_MANIFESTS)
        if answer is None:
            return None
        manifest = answer.json()
        digest = answer.headers.get("Docker-Content-Digest", "")
        if "config" not in manifest:
            # A list of images for several architectures is nobody's of ours.
            return RemoteImage(digest=digest, id="", labels={}, size=0)
        image = manifest["config"]["digest"]
        blob = self._get(repository, f"blobs/{image}", accept="*/*")
        labels = (blob.json().get("config") or {}).get("Labels") if blob else None
        size = sum(int(layer["size"]) for layer in manifest["layers"])
        return RemoteImage(digest=digest, id=image, labels=labels or {}, size=size)

    def _get(self, repository: str, path: str, *, accept: str) -> httpx.Response | None:
        url = f"{self._address()}/v2/{repository}/{path}"
        headers = {"Accept": accept}
        try:
            answer = self._client.get(url, headers={**headers, **self._authorisation(repository)})
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self._tokens[repository] = self._answer_to(answer.headers.get("WWW-Authenticate", ""))
                answer = self._client.get(url, headers={**headers, **self._authorisation(repository)})
        except httpx.HTTPError as error:
            raise RegistryRefusedError(self._host, f"read {repository}", f"{type(error).__name__}: {error}") from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_error:
            said = f"it answered {answer.status_code} {answer.reason_phrase}"
            unauthorised = answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
            raise RegistryRefusedError(self._host, f"read {repository}", said, unauthorised=unauthorised)
        return answer

    def _authorisation(self, repository: str) -> dict[str, str]:
        return {"Authorization": self._tokens[repository]} if repository in self._tokens else {}

    def _answer_to(self, challenge: str) -> str:
        """What a registry wants to see that has said who it takes: a password, or a token of another server for one."""
        kind, _, rest = challenge.partition(" ")
        basic = httpx.BasicAuth(self._login.username, self._login.password) if self._login else None
        if kind.lower() == "basic" and basic:
            request = httpx.Request("GET", self._address())
            return next(basic.auth_flow(request)).headers["Authorization"]
        if kind.lower() != "bearer":
            raise RegistryRefusedError(self._host, "sign in", "it wants a login", unauthorised=True)
        words: dict[str, str] = dict(_CHALLENGE.findall(rest))
        query = {key: value for key, value in words.items() if key in ("service", "scope")}
        answer = self._client.get(words.get("realm", ""), params=query, auth=basic)
        if answer.is_error:
            said = f"its token server answered {answer.status_code} {answer.reason_phrase}"
            raise RegistryRefusedError(self._host, "sign in", said, unauthorised=True)
        body: dict[str, Any] = answer.json()
        return f"Bearer {body.get('token') or body.get('access_token')}"

    def _address(self) -> str:
        """`https://host`; on loopback `http://host` where TLS is not spoken."""
        if not self._base:
            plain = _LOOPBACK.fullmatch(self._host) and not self._speaks_tls()
            self._base = f"{'http' if plain else 'https'}://{self._host}"
        return self._base

    def _speaks_tls(self) -> bool:
        try:
            self._client.get(f"https://{self._host}/v2/")
        except httpx.ConnectError as error:
            return "CERTIFICATE" in str(error).upper()
        except httpx.HTTPError:
            return False
        return True
