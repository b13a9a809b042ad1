"""A connection to a container engine, and what its errors mean."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import docker
import docker.credentials.errors
import docker.errors
import requests.exceptions

from lifecycle.tools.engine.address import EngineAddress, engine_address
from lifecycle.tools.engine.errors import EngineRefusedError, EngineUnreachableError
from lifecycle.tools.engine.ssh_relay import SshRelay
from lifecycle.tools.registry.login import CredentialHelperError

_SECONDS = 600


class EngineConnection:
    """The engine that an environment means, connected to when first needed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._client: Any = None
        self._relay: SshRelay | None = None
        self._lock = threading.Lock()

    @cached_property
    def address(self) -> EngineAddress:
        """Where the engine is looked for; raises what `engine_address` raises."""
        return engine_address(self._environ)

    @property
    def client(self) -> Any:  # noqa: ANN401 - the SDK has no types
        """The SDK's client; raises EngineUnreachableError, and UsageError where nobody can say where the engine is."""
        address = self.address
        with self._lock:
            if self._client is None:
                try:
                    client = docker.DockerClient(base_url=self._url(), tls=address.tls or False, timeout=_SECONDS)
                    client.ping()
                except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
                    raise EngineUnreachableError(str(address), self._reason(error)) from error
                self._client = client
            return self._client

    def _url(self) -> str:
        """The address as the SDK takes it."""
        if not self.address.url.startswith("ssh://"):
            return self.address.url
        self._relay = SshRelay(self.address.url)
        return self._relay.url

    @contextmanager
    def refusals(self, what: str) -> Iterator[None]:
        """Turn the SDK's errors into ours; `what` says what was being done."""
        try:
            yield
        except docker.errors.APIError as error:
            raise EngineRefusedError(what, error.explanation or str(error)) from error
        except docker.credentials.errors.StoreError as error:
            raise CredentialHelperError(what, str(error)) from error
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            if isinstance(error.__cause__, docker.credentials.errors.StoreError):
                raise CredentialHelperError(what, str(error.__cause__)) from error
            raise EngineUnreachableError(str(self.address), self._reason(error)) from error

    def _reason(self, error: BaseException) -> str:
        """The innermost cause: the SDK wraps 'Connection refused' four times; or what ssh has said of it."""
        said = self._relay.said() if self._relay else ""
        while error.__cause__ or error.__context__:
            error = error.__cause__ or error.__context__  # type: ignore[assignment]
        return said or str(error)
