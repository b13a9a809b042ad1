"""`store` in component.yaml: the remote cache, in which machines share results. Environment variables override it."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import ValidationError

from lifecycle.config.references import RegistryHost, Repository
from lifecycle.config.schema import Model
from lifecycle.errors import UsageError

STORE_VARIABLE, MODE_VARIABLE, OFF = "INVOKE_STORE", "INVOKE_STORE_MODE", "off"


class Mode(StrEnum):
    """The access of a machine: it downloads results, or uploads its own too."""

    READ_ONLY = "read-only"
    READ_WRITE = "read-write"


class RemoteCacheConfig(Model):
    """The repository of a container registry, `registry/repository`, and this machine's access to it."""

    registry: RegistryHost
    """The host of the registry and its port."""
    repository: Repository
    """The path in the registry."""
    mode: Mode = Mode.READ_WRITE
    """The access of this machine; INVOKE_STORE_MODE overrides it."""


class StoreVariableError(UsageError):
    """An environment variable with an invalid value."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"{name}={value!r} in the environment: write {expected}")


def store_in_use(declared: RemoteCacheConfig | None, environ: Mapping[str, str]) -> RemoteCacheConfig | None:
    """Return the remote cache to use: the declared one, changed by INVOKE_STORE and INVOKE_STORE_MODE. None for none.

    Raises StoreVariableError.
    """
    place, mode = environ.get(STORE_VARIABLE, ""), environ.get(MODE_VARIABLE, "")
    if mode == OFF:
        return None
    if mode and mode not in list(Mode):
        raise StoreVariableError(MODE_VARIABLE, mode, f"{', '.join(Mode)} or {OFF}")
    overrides = {"mode": mode} if mode else {}
    if place:
        registry, _, repository = place.partition("/")
        overrides |= {"registry": registry, "repository": repository}
    if declared is None and not place:
        return None
    try:
        return RemoteCacheConfig.model_validate({**(declared.model_dump() if declared else {}), **overrides})
    except ValidationError as error:
        raise StoreVariableError(
            STORE_VARIABLE, place, "a registry and a repository, such as localhost:5000/gpu/store"
        ) from error
