"""`store` in component.yaml: where machines share what they compile and pack. The environment may say otherwise."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field, ValidationError

from lifecycle.errors import UsageError
from lifecycle.model.schema import Model

PLACE, MODE, OFF = "INVOKE_STORE", "INVOKE_STORE_MODE", "off"


class Mode(StrEnum):
    """What a machine does there: take results, or give its own too."""

    READ_ONLY = "read-only"
    READ_WRITE = "read-write"


class SharedStore(Model):
    """A repository of a container registry, `registry/repository`, and what is done there."""

    registry: str = Field(min_length=1)
    repository: str = Field(pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$")
    mode: Mode = Mode.READ_WRITE


class StoreVariableError(UsageError):
    """A variable of the environment that says nothing that can be done."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(f"{name}={value!r} in the environment: it is {wanted}")


def store_in_use(declared: SharedStore | None, environ: Mapping[str, str]) -> SharedStore | None:
    """The store to use: what component.yaml declares, changed by INVOKE_STORE and INVOKE_STORE_MODE; None for none.

    Raises StoreVariableError.
    """
    place, mode = environ.get(PLACE, ""), environ.get(MODE, "")
    if mode == OFF:
        return None
    if mode and mode not in list(Mode):
        raise StoreVariableError(MODE, mode, f"{', '.join(Mode)} or {OFF}")
    changed = {"mode": mode} if mode else {}
    if place:
        registry, _, repository = place.partition("/")
        changed |= {"registry": registry, "repository": repository}
    if declared is None and not place:
        return None
    try:
        return SharedStore.model_validate({**(declared.model_dump() if declared else {}), **changed})
    except ValidationError as error:
        raise StoreVariableError(
            PLACE, place, "a registry and a repository, such as localhost:5000/gpu/store"
        ) from error
