"""The protocol of Docker's credential helpers, the programs `docker-credential-<name>`.

Source: docker-credential-helpers, README, "Development": `get` reads the server from standard input and answers with JSON.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lifecycle.tools.process import log_command
from lifecycle.tools.registry.login import CredentialHelperError, Login

# The limit for an answer. Some helpers wait for a person, who types a PIN or touches a key.
SECONDS = 60.0
_TOKEN_USER = "<token>"  # noqa: S105 - the name by which a helper says that its secret is a refresh token
_NOT_FOUND = "credentials not found in native keychain"


def ask_helper(name: str, server: str, host: str, environ: Mapping[str, str]) -> Login | None:
    """Return the login that the helper `docker-credential-<name>` has for a server; None if it has none.

    `server` is the name in Docker's configuration, `host` that in messages. Raises CredentialHelperError.
    """
    program = f"docker-credential-{name}"
    path = shutil.which(program, path=environ.get("PATH"))
    if path is None:
        raise CredentialHelperError(host, f"{program} is not installed, or not in PATH")
    code, answer, errors = _run(path, server, host, environ)
    if code:
        # What looks like a login is not shown, though the helper failed after it.
        said = "" if answer.lstrip().startswith("{") else answer.strip()
        said = said or errors.strip()
        if said == _NOT_FOUND:
            return None
        raise CredentialHelperError(host, f'{program} ended with exit code {code}: "{said or "it printed nothing"}"')
    return _login_of(answer, program, host)


def _run(path: str, server: str, host: str, environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Run `get` and return the exit code, the output and the errors. A helper that hangs is ended with its children."""
    command = [path, "get"]
    log_command(command)
    pipe = subprocess.PIPE
    try:
        with subprocess.Popen(
            command,
            env=dict(environ),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                answer, errors = process.communicate(server, timeout=SECONDS)
            except subprocess.TimeoutExpired as error:
                os.killpg(process.pid, signal.SIGKILL)
                why = f"{Path(path).name} did not answer within {SECONDS:g} seconds"
                raise CredentialHelperError(host, why) from error
            return process.returncode, answer, errors
    except OSError as error:
        why = f"{path} cannot be run: {error.strerror or error}"
        raise CredentialHelperError(host, why) from error


def _login_of(answer: str, program: str, host: str) -> Login | None:
    try:
        found = json.loads(answer)
        username, secret = found["Username"], found["Secret"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise CredentialHelperError(host, f"{program} returned invalid output") from error
    if not isinstance(username, str) or not isinstance(secret, str):
        raise CredentialHelperError(host, f"{program} returned invalid output")
    # Some helpers, such as docker-credential-pass, answer for an unknown server with empty texts.
    if not secret:
        return None
    return Login(refresh_token=secret) if username == _TOKEN_USER else Login(username, secret)
