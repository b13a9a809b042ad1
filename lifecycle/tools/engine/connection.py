"""The connection to a container engine, and the translation of the SDK's errors."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import docker
import docker.errors
import docker.utils.config
import requests.exceptions

from lifecycle.tools.engine.address import EngineAddress, engine_address
from lifecycle.tools.engine.errors import EngineRefusedError, EngineUnreachableError
from lifecycle.tools.engine.ssh_relay import SshRelay
from lifecycle.tools.network.requests_rules import ProxyRules
from lifecycle.tools.network.retries import causes

# Seconds until an engine that runs gives its first answer, and then until a pull or a build shows progress.
_FIRST_SECONDS, _SECONDS = 10, 600
_SSH_SECONDS = 30  # more for the first answer: ssh signs in before
# The SDK reads config.json otherwise than docker(1) does: one bad entry, or a missing helper, ends each request. Requests get
# their logins from `registry/credentials.py`, so the SDK finds no file.
docker.utils.config.find_config_file = lambda *_: None


class _ApiClient(ProxyRules, docker.APIClient):
    """The SDK's client, with the proxies of an environment for an engine at a TCP address."""

    def __init__(self, address: EngineAddress, url: str, environ: Mapping[str, str]) -> None:
        self.network_environ = environ
        first = _FIRST_SECONDS + (_SSH_SECONDS if address.url.startswith("ssh://") else 0)
        super().__init__(base_url=url, tls=address.tls or False, timeout=first)


class _DockerClient(docker.DockerClient):
    """The SDK's client of a given connection."""

    def __init__(self, api: docker.APIClient) -> None:
        self.api = api


class EngineConnection:
    """A connection to the engine that an environment names, opened on first use."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._client: Any = None
        self._relay: SshRelay | None = None
        self._lock = threading.Lock()

    @cached_property
    def address(self) -> EngineAddress:
        """The address of the engine. Raises what `engine_address` raises."""
        return engine_address(self._environ)

    @property
    def client(self) -> Any:  # noqa: ANN401 - the SDK has no types
        """The client of the SDK. Raises EngineUnreachableError, and UsageError for an invalid address."""
        address = self.address
        with self._lock:
            if self._client is None:
                try:
                    client = _DockerClient(_ApiClient(address, self._url(), self._environ))
                    client.ping()
                    client.api.timeout = _SECONDS
                except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
                    raise EngineUnreachableError(str(address), self._reason(error)) from error
                self._client = client
            return self._client

    def _url(self) -> str:
        """Return the address in the form that the SDK accepts."""
        if not self.address.url.startswith("ssh://"):
            return self.address.url
        self._relay = SshRelay(self.address.url)
        return self._relay.url

    @contextmanager
    def sdk_errors(self, what: str) -> Iterator[None]:
        """Translate the errors of the SDK; `what` names the operation ("pull x").

        Raises EngineRefusedError, EngineUnreachableError.
        """
        try:
            yield
        except docker.errors.APIError as error:
            raise EngineRefusedError(what, error.explanation or str(error)) from error
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise EngineUnreachableError(str(self.address), self._reason(error)) from error

    def _reason(self, error: BaseException) -> str:
        """Return the last message of ssh, or the innermost cause: the SDK wraps `Connection refused` four times."""
        message = self._relay.last_error() if self._relay else ""
        found = list(causes(error))
        if any(isinstance(cause, (requests.exceptions.Timeout, TimeoutError)) for cause in found):
            message = message or "it accepts connections, but gives no answer"
        return message or str(found[-1])
