"""A Docker configuration for tests, with credential helpers that are scripts."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

from lifecycle.tools.registry.login import CredentialHelperError, DockerConfigError, Login

HOST = "h.example:5000"
AUTH = base64.b64encode(b"u:p").decode()
ENTRY = {"auth": AUTH}
LOGIN = Login("u", "p")

Configured = Callable[..., dict[str, str]]


def write_config(folder: Path, config: object, **helpers: str) -> dict[str, str]:
    """Write config.json (an object, or bytes) and helpers (scripts by name); return the environment that names them."""
    content = config if isinstance(config, bytes) else json.dumps(config).encode()
    (folder / "config.json").write_bytes(content)
    for name, script in helpers.items():
        path = folder / f"docker-credential-{name}"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}


def error_of(login: Login | None) -> CredentialHelperError | DockerConfigError:
    """Return the error of a login, which is anonymous."""
    assert login is not None
    assert login.error is not None
    assert login == Login(error=login.error)
    return login.error
