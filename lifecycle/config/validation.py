"""Validation of configuration files: pydantic's errors as sentences that name file, line, key and remedy."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.reader import Document

AnyModel = TypeVar("AnyModel", bound=BaseModel)
_KEY_ITSELF = "[key]"  # in pydantic's `loc`: the key of a mapping is wrong, not its value


def read_text(path: Path) -> str:
    """Return the text of a configuration file. Raises ConfigurationError if it is missing, unreadable or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError([f"{path}: no such file: run from a checkout, or restore it from git"]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path}: not UTF-8 text: {error.reason} at byte {error.start}"]) from error
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror}"]) from error


def validate(model: type[AnyModel], document: Document) -> AnyModel:
    """Return a document as a model. Raises ConfigurationError with all problems, sorted by line."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise ConfigurationError(list(describe_validation_error(error, document, model))) from error


def describe_validation_error(error: ValidationError, document: Document, model: type[BaseModel]) -> Iterable[str]:
    """Return one sentence per problem, in the order of the file."""
    names = sorted(_key_names(model))
    found = [(details, tuple(part for part in details["loc"])) for details in error.errors()]
    sentences = {
        f"{document.where(path)}: {_key(path, document)}{_explain(details, names)}": document.where(path)
        for details, path in found
    }
    return sorted(sentences, key=lambda sentence: [int(n) for n in sentences[sentence].rsplit(":", 2)[1:]])


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
    found = "nothing" if got is None else repr(got)
    match details["type"]:
        case "enum" | "literal_error":
            return f"expected {details['ctx']['expected']}, found {found}"
        case "value_error":
            return str(details["ctx"]["error"])
        case "string_pattern_mismatch":
            return f"{got!r} does not have the form {details['ctx']['pattern']}"
        case "too_short" | "string_too_short":
            return "must not be empty" if got in ("", [], {}) else f"{got!r} is too short: say more"
        case "list_type" | "dict_type" | "model_type" | "model_attributes_type":
            kind = "a list" if details["type"] == "list_type" else "keys with values"
            return f"expected {kind}, found {found}"
        case _:
            return f"{details['msg'][0].lower()}{details['msg'][1:]}, found {found}"


def _key_names(model: type[BaseModel]) -> set[str]:
    schema = model.model_json_schema(by_alias=True)
    parts = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}
