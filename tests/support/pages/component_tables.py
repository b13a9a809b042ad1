"""The tables of docs/reference/component.md: the sections of component.yaml and their keys, from its JSON Schema."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.pages.component_schema import schema

_NONE = "–"
_KIND = "The kind of source."


def component_tables() -> str:
    """Return a heading, a sentence and a table for each section of component.yaml, in Markdown."""
    found = schema()
    return "\n".join(_Sections(found["$defs"]).of("component.yaml", "", found))


@dataclass(frozen=True)
class _Sections:
    """The sections of a schema with these definitions. `done` has the heading of each definition that is written."""

    definitions: Mapping[str, Any]
    done: dict[str, str] = field(default_factory=dict)

    def of(self, heading: str, path: str, section: Mapping[str, Any]) -> Iterator[str]:
        """Yield the lines of a section, then those of the sections below it."""
        yield from (
            f"## {heading}",
            "",
            section["description"],
            "",
            "| key | value | default | meaning |",
            "|---|---|---|---|",
        )
        below = []
        for key, value in section["properties"].items():
            inner = [(name, f"{path}{key}{suffix}") for name, suffix in self._sections_in(value)]
            new = [(name, place) for name, place in inner if name not in self.done]
            self.done.update({name: self._heading(name, place) for name, place in new})
            below += new
            yield self._row(key, value, required=key in section.get("required", ()))
        yield ""
        for name, place in below:
            yield from self.of(self.done[name], f"{place}.", self.definitions[name])

    def _heading(self, name: str, place: str) -> str:
        kind = self.definitions[name]["properties"].get("kind", {}).get("const")
        return f"{place}, kind {kind}" if kind else place

    def _row(self, key: str, value: Mapping[str, Any], *, required: bool) -> str:
        default = value.get("default")
        shown = "required" if required else _NONE if default in (None, [], {}, "") else f"`{json.dumps(default)}`"
        if isinstance(default, dict) and default:
            shown = _NONE
        return f"| `{key}` | {self._value(value)} | {shown} | {value.get('description', _KIND if key == 'kind' else _NONE)} |"

    def _sections_in(self, value: Mapping[str, Any], suffix: str = "") -> Iterator[tuple[str, str]]:
        """Yield the definitions of sections that a value contains, with what follows the key: [] of lists, .* of mappings."""
        if "$ref" in value:
            name = value["$ref"].rpartition("/")[2]
            if "properties" in self.definitions[name]:
                yield name, suffix
        for part in (*value.get("anyOf", ()), *value.get("oneOf", ())):
            yield from self._sections_in(part, suffix)
        if "items" in value:
            yield from self._sections_in(value["items"], f"{suffix}[]")
        if isinstance(value.get("additionalProperties"), Mapping):
            yield from self._sections_in(value["additionalProperties"], f"{suffix}.*")

    def _value(self, value: Mapping[str, Any]) -> str:
        """Return the kind of value in words."""
        options = [part for part in (*value.get("anyOf", ()), *value.get("oneOf", ())) if part.get("type") != "null"]
        if options:
            return ", or ".join(self._value(part) for part in options)
        if "$ref" in value:
            return self._reference(value["$ref"].rpartition("/")[2])
        if "items" in value:
            return f"a list: {self._value(value['items'])}"
        if isinstance(value.get("additionalProperties"), Mapping):
            return f"names, each with a value: {self._value(value['additionalProperties'])}"
        words = {"boolean": "`true` or `false`", "integer": "a number"}
        plain = "a date" if value.get("format") == "date" else words.get(str(value.get("type")), "text")
        choices = value.get("enum", [value["const"]] if "const" in value else [])
        return " or ".join(f"`{choice}`" for choice in choices) or plain

    def _reference(self, name: str) -> str:
        definition = self.definitions[name]
        if "properties" not in definition:
            return self._value(definition)
        heading = self.done[name]
        anchor = "".join(letter for letter in heading.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")
        return f"[{heading}](#{anchor})"
