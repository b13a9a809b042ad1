"""The base model of component.yaml's sections, and the types and the errors that several sections use."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

# The type of a problem whose message is a whole sentence already.
PLACED = "placed"
_LONGEST = 80
Loc: TypeAlias = tuple[str | int, ...]


def shown(value: object) -> str:
    """Return a value for a message: its beginning, if it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def formed(pattern: str, words: str) -> AfterValidator:
    """Return a validator of a text that matches a pattern as a whole; `words` completes "'x' is not …"."""
    form = re.compile(pattern)

    def check(value: str) -> str:
        if not form.fullmatch(value):
            msg = f"{shown(value)} is not {words}"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


def problems_at(title: str, problems: Sequence[tuple[Loc, str]]) -> ValidationError:
    """Return the error of a model's validator for problems with the keys, below the model, that each is about."""
    lines = [
        InitErrorDetails(type=PydanticCustomError(PLACED, "{text}", {"text": text}), loc=loc, input=None)
        for loc, text in problems
    ]
    return ValidationError.from_exception_data(title, lines)


def texts_of(data: object, path: Loc = ()) -> Iterator[tuple[Loc, str]]:
    """Yield each key and each text of some data with its path."""
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield (*path, key), str(key)
            yield from texts_of(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from texts_of(value, (*path, index))


ReleaseName = Annotated[
    str, formed(r"[a-z0-9]+([.-][a-z0-9]+)*", "the name of a release: write a name such as debian-13, in small letters")
]


class Model(BaseModel):
    """The base of all sections: keys in camelCase, unknown keys are errors, instances are frozen.

    The text below a field describes it in docs/reference/component.schema.json. `nox -s docs` reads these texts, and not
    pydantic (`use_attribute_docstrings`), which would parse the sources at each start.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class ModuleType(StrEnum):
    """One of NVIDIA's two sets of kernel module sources."""

    PROPRIETARY = "proprietary"
    OPEN = "open"


class Architecture(StrEnum):
    """A processor architecture, by Debian's name."""

    AMD64 = "amd64"
    ARM64 = "arm64"
