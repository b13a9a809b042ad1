"""Validation of configuration files: pydantic's errors as sentences that name file, line, key and remedy."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lifecycle.config.schema import PLACED, shown, texts_of
from lifecycle.errors import MOST_PROBLEMS, ConfigurationError
from lifecycle.yamledit.limits import DEFAULT_LIMITS, Limits
from lifecycle.yamledit.reader import Document, read_yaml

AnyModel = TypeVar("AnyModel", bound=BaseModel)
_KEY_ITSELF = "[key]"  # in pydantic's `loc`: the key of a mapping is wrong, not its value
# The largest file, in bytes.
_LARGEST = 1 << 26
# The lines that git writes around the two sides of a conflict (git-merge(1), "How conflicts are presented").
_CONFLICT = re.compile(r"^(<<<<<<<|>>>>>>>|\|\|\|\|\|\|\|)( |$)|^=======$", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
RESOLVE_CONFLICT = "resolve the conflict, and remove the lines that git added"


def read_text(path: Path) -> str:
    """Return the text of a configuration file, without a byte order mark.

    Raises ConfigurationError if it is missing, unreadable, too large, not a file or not UTF-8.
    """
    try:
        if path.exists() and not path.is_file():
            raise ConfigurationError([f"{path}: cannot be read: it is not a file: name another one"])
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ConfigurationError([f"{path}: the file has more than {_LARGEST:,} bytes: name another one"])
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError as error:
        raise ConfigurationError([f"{path}: no such file: run from a checkout, or restore it from git"]) from error
    except UnicodeDecodeError as error:
        problem = f"{path}: not UTF-8 text: {error.reason} at byte {error.start}: save it as UTF-8"
        raise ConfigurationError([problem]) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError([f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"]) from error


def parse(
    model: type[AnyModel],
    text: str,
    *,
    file: str,
    limits: Limits = DEFAULT_LIMITS,
    conflict: str = RESOLVE_CONFLICT,
) -> AnyModel:
    """Return the YAML text of a configuration file as a model. `conflict` says what to do about git's conflict markers.

    Raises ConfigurationError with all problems, each as `file:line:column: key: what is wrong, and what to do`.
    """
    return validate(model, read_document(text, file=file, limits=limits, conflict=conflict))


def read_document(
    text: str, *, file: str, limits: Limits = DEFAULT_LIMITS, conflict: str = RESOLVE_CONFLICT
) -> Document:
    """Return the YAML text of a configuration file as data with positions. Raises ConfigurationError."""
    if marker := _CONFLICT.search(text):
        line = text.count("\n", 0, marker.start()) + 1
        raise ConfigurationError([f"{file}:{line}:1: git's conflict marker {marker[0].strip()}: {conflict}"])
    return read_yaml(text, file=file, limits=limits)


def validate(model: type[AnyModel], document: Document) -> AnyModel:
    """Return a document as a model. Raises ConfigurationError with all problems, sorted by line."""
    _check_characters(document)
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise ConfigurationError(list(describe_validation_error(error, document, model))) from error


def _check_characters(document: Document) -> None:
    """Raise ConfigurationError for texts with control characters: no path, name or address has any."""
    problems = [
        describe(document, path, f"{shown(value)} has a control character: remove it")
        for path, value in texts_of(document.data)
        if _CONTROL.search(value)
    ]
    if problems:
        raise ConfigurationError(problems)


def describe_validation_error(error: ValidationError, document: Document, model: type[BaseModel]) -> Iterable[str]:
    """Return one sentence per problem, in the order of the file. Of very many, only the first are explained in full."""
    names = sorted(_key_names(model))
    found = [(document.place(details["loc"]), details) for details in error.errors(include_url=False)]
    found.sort(key=lambda pair: pair[0])
    sentences = dict.fromkeys(
        describe(document, details["loc"], _explain(details, names)) for _, details in found[:MOST_PROBLEMS]
    )
    return [*sentences, *(f"{document.where(details['loc'])}: wrong" for _, details in found[MOST_PROBLEMS:])]


def describe(document: Document, path: tuple[str | int, ...], problem: str) -> str:
    """Return a problem as `file:line:column: key: problem`."""
    return f"{document.where(path)}: {_key(path, document)}{problem}"


def _key(path: tuple[str | int, ...], document: Document) -> str:
    text = ""
    known: tuple[str | int, ...] = ()
    for index, part in enumerate(path):
        if (*known, part) in document.positions:
            known = (*known, part)
        elif index < len(path) - 1 or part == _KEY_ITSELF:
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return f"{text.lstrip('.')}: " if text else ""


def _explain(details: ErrorDetails, names: list[str]) -> str:
    """Return what is wrong with a key or its value, and what to do."""
    match details["type"]:
        case "missing":
            return "this key is missing: add it"
        case "extra_forbidden":
            close = difflib.get_close_matches(str(details["loc"][-1]), names, 1, 0.6)
            return f"unknown key; did you mean {close[0]!r}?" if close else "unknown key: remove it"
        case "union_tag_invalid":
            return f"unknown kind {details['ctx']['tag']!r}: write one of {details['ctx']['expected_tags']}"
        case "union_tag_not_found":
            return f"the key {details['ctx']['discriminator']} is missing: add it"
        case _:
            return _explain_value(details)


def _explain_value(details: ErrorDetails) -> str:
    got = details["input"]
    found = "nothing" if got is None else shown(got)
    match details["type"]:
        case "enum" | "literal_error":
            return f"expected {details['ctx']['expected']}, found {found}"
        case "value_error":
            return str(details["ctx"]["error"])
        case _ if details["type"] == PLACED:
            return details["msg"]
        case "too_short" | "string_too_short":
            return "must not be empty" if got in ("", [], {}) else f"{shown(got)} is too short: say more"
        case "list_type" | "dict_type" | "model_type" | "model_attributes_type":
            kind = "a list" if details["type"] == "list_type" else "keys with values"
            return f"expected {kind}, found {found}"
        case _:
            return f"{details['msg'][0].lower()}{details['msg'][1:]}, found {found}"


def _key_names(model: type[BaseModel]) -> set[str]:
    schema = model.model_json_schema(by_alias=True)
    parts = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}
