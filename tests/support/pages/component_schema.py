"""The JSON Schema of component.yaml, from the models of lifecycle/config and the texts below their fields."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from lifecycle.config.component import Component
from lifecycle.config.schema import Model

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# The reader takes the text of each scalar, so `535` and `1592.10` may be written without quotes.
_TEXT = ["string", "number"]


def schema() -> dict[str, Any]:
    """Return the schema; each section and each key that is not `kind` has a description."""
    found = Component.model_json_schema(by_alias=True)
    models = {model.__name__: model for model in _models(Model)}
    for part in (found, *found["$defs"].values()):
        if part["type"] == "object":
            _describe(part, models[part["title"]])
        part.pop("title")
    return {"$schema": _DIALECT, "title": "component.yaml of nvidia-installer", **_with_plain_scalars(found)}


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def field_texts(model: type[BaseModel]) -> dict[str, str]:
    """Return the first paragraph below each field of a model and its bases, on one line, by the field's name in the file."""
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, Model) and base is not Model:
            texts |= dict(_texts_of(ast.parse(textwrap.dedent(inspect.getsource(base)))))
    return {str(model.model_fields[name].alias): text for name, text in texts.items()}


def _texts_of(module: ast.Module) -> Iterator[tuple[str, str]]:
    (definition,) = module.body
    assert isinstance(definition, ast.ClassDef)
    for before, after in zip(definition.body, definition.body[1:], strict=False):
        match before, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.partition("\n\n")[0].split())


def _models(base: type[Model]) -> Iterator[type[Model]]:
    for model in base.__subclasses__():
        if model.__module__.startswith("lifecycle.config."):
            yield model
            yield from _models(model)


def _describe(part: dict[str, Any], model: type[Model]) -> None:
    part["description"] = part["description"].partition("\n")[0]
    texts = field_texts(model)
    for key, value in part["properties"].items():
        value.pop("title", None)
        if key in texts:
            value["description"] = texts[key]


def _with_plain_scalars(value: Any) -> Any:  # noqa: ANN401 - any part of a schema
    if isinstance(value, list):
        return [_with_plain_scalars(part) for part in value]
    if not isinstance(value, Mapping):
        return value
    changed = {key: _with_plain_scalars(part) for key, part in value.items()}
    if value.get("type") == "string" and not {"enum", "const", "format"} & value.keys():
        changed["type"] = _TEXT
    return changed
