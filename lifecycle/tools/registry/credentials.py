"""The login for a registry from the environment and from Docker's config.json, read entry by entry as docker(1) reads it.

Source: docker/cli, cli/config/configfile/file.go and cli/config/credentials (file_store.go, native_store.go). Unlike
docker(1), a mistake in the entry of one registry does not hide the others, and a byte order mark is accepted.
"""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lifecycle.tools.registry.credential_helper import ask_helper
from lifecycle.tools.registry.login import CredentialHelperError, DockerConfigError, Login

# docker(1) keeps the login for Docker Hub, by whichever name, under this key.
_HUB = "https://index.docker.io/v1/"
_HUB_HOSTS = ("docker.io", "index.docker.io", "registry-1.docker.io")
AUTH_VARIABLE = "DOCKER_AUTH_CONFIG"


def login_for(host: str, environ: Mapping[str, str]) -> Login | None:
    """Return the login for the registry of the images, by its host, or None.

    INVOKE_REGISTRY_USERNAME and INVOKE_REGISTRY_PASSWORD come before Docker's configuration.
    """
    user, password = environ.get("INVOKE_REGISTRY_USERNAME"), environ.get("INVOKE_REGISTRY_PASSWORD")
    return Login(user, password) if user and password else docker_login(host, environ)


def docker_login(host: str, environ: Mapping[str, str]) -> Login | None:
    """Return the login that Docker's configuration has for a registry, by its host, or None.

    DOCKER_AUTH_CONFIG comes before config.json, and a credential helper before `auths`. If something cannot be read and
    nothing else has a login, the returned login is anonymous, with the error.
    """
    problem: CredentialHelperError | DockerConfigError | None = None
    for where, content in _texts(environ):
        try:
            if isinstance(content, OSError):
                raise DockerConfigError(host, where, f"it cannot be read ({content.strerror or content})")
            found = _Config(where, host, _parse(content, where, host)).login(environ)
        except (CredentialHelperError, DockerConfigError) as error:
            problem = problem or error
        else:
            if found:
                return found
    return Login(error=problem) if problem else None


def _texts(environ: Mapping[str, str]) -> Iterator[tuple[str, bytes | OSError]]:
    """Yield the variable and the file that exist, by name, with their content."""
    if variable := environ.get(AUTH_VARIABLE, "").strip():
        yield AUTH_VARIABLE, os.fsencode(variable)
    folder = environ.get("DOCKER_CONFIG") or f"{environ.get('HOME') or '~'}/.docker"
    try:
        path = Path(folder).expanduser() / "config.json"
        yield str(path), path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, RuntimeError):
        # No file, or no home folder to look in.
        return
    except OSError as error:
        yield str(path), error


def _parse(content: bytes, where: str, host: str) -> Mapping[str, Any]:
    """Return a JSON object by its keys in lower case. As in Go, no text and `null` are empty; text after the object is ignored."""
    try:
        text = content.decode(json.detect_encoding(content)).rstrip()
        found = json.JSONDecoder().raw_decode(text, len(text) - len(text.lstrip()))[0] if text else {}
    except json.JSONDecodeError as error:
        raise DockerConfigError(host, f"{where}:{error.lineno}:{error.colno}", f"invalid JSON ({error.msg})") from error
    except (ValueError, RecursionError) as error:
        raise DockerConfigError(host, where, f"invalid JSON ({error})") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise DockerConfigError(host, where, "it is not a JSON object ({…})")
    return {key.lower(): value for key, value in found.items()}


@dataclass(frozen=True)
class _Config:
    """The content of config.json or of the variable, read for one host."""

    where: str
    host: str
    content: Mapping[str, Any]

    def login(self, environ: Mapping[str, str]) -> Login | None:
        """Return the login of the helper, or of `auths`, as docker(1) does if the helper fails or knows none."""
        problem, helper = None, self._helper()
        if helper:
            server = _HUB if self.host in _HUB_HOSTS else self.host
            try:
                if found := ask_helper(helper, server, self.host, environ):
                    return found
            except CredentialHelperError as error:
                problem = error
        found = self._stored()
        if problem and not found:
            raise problem
        return found

    def _helper(self) -> str:
        helpers, store = self._section("credHelpers"), self.content.get("credsstore") or ""
        key = _key_of(helpers, self.host)
        # An empty name turns the default helper off for this registry.
        name = store if key is None else helpers[key] or ""
        if not isinstance(name, str):
            raise self._error("credsStore" if key is None else f"credHelpers[{key!r}]", "is no text")
        return name

    def _stored(self) -> Login | None:
        auths = self._section("auths")
        key = _key_of(auths, self.host)
        entry = auths[key] if key is not None else None
        if not entry:
            return None
        name = f"auths[{key!r}]"
        if not isinstance(entry, dict):
            raise self._error(name, "is no JSON object")
        values = {field.lower(): value for field, value in entry.items() if value}
        for field in ("auth", "username", "password", "identitytoken", "registrytoken"):
            if not isinstance(values.get(field, ""), str):
                raise self._error(f"{name}.{field}", "is no text")
        username, password = values.get("username", ""), values.get("password", "")
        if "auth" in values:
            username, password = self._decoded(name, values["auth"])
        if not password:
            # The name beside a token, such as Azure's 00000000-0000-0000-0000-000000000000, has no password.
            username = ""
        refresh_token, registry_token = values.get("identitytoken", ""), values.get("registrytoken", "")
        found = Login(username, password if username else "", refresh_token, registry_token)
        return None if found == Login() else found

    def _decoded(self, name: str, auth: str) -> tuple[str, str]:
        try:
            username, colon, password = base64.b64decode("".join(auth.split()), validate=True).decode().partition(":")
        except ValueError as error:
            raise self._error(f"{name}.auth", "is not base64 of `user:password`") from error
        if not colon or not username:
            raise self._error(f"{name}.auth", "is not base64 of `user:password`")
        return username, password.strip("\0")

    def _section(self, name: str) -> Mapping[str, Any]:
        section = self.content.get(name.lower()) or {}
        if not isinstance(section, dict):
            raise self._error(name, "is no JSON object")
        return section

    def _error(self, key: str, why: str) -> DockerConfigError:
        return DockerConfigError(self.host, self.where, f"{key} {why}")


def _key_of(section: Mapping[str, Any], host: str) -> str | None:
    """Return the key of a host: its name, or a URL or path that begins with it, as older versions of Docker wrote them."""
    exact = _HUB if host in _HUB_HOSTS else host
    if exact in section:
        return exact
    hosts = _HUB_HOSTS if host in _HUB_HOSTS else (host.lower(),)
    return next((key for key in section if _host_of(key) in hosts), None)


def _host_of(key: str) -> str:
    try:
        return (urlsplit(key).netloc if "://" in key else key.partition("/")[0]).lower()
    except ValueError:
        return ""
