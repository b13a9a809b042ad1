"""The table of a chart's values in its README, made from values.schema.json and values.yaml. `nox -s docs` writes it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.checkout import ROOT

CHARTS = (ROOT / "k8s/nvidia-installer", ROOT / "k8s/build-job")
_MISSING = object()


def rows_of(chart: Path) -> Iterator[tuple[str, str, str]]:
    """Yield each value of a chart: its name, its default ("" for none) and its description ("" for none)."""
    schema = json.loads((chart / "values.schema.json").read_text())
    defaults = yaml.safe_load((chart / "values.yaml").read_text())
    yield from _Rows(schema["definitions"]).of(schema, defaults, "")


def table_of(chart: Path) -> str:
    """Return the table of a chart's values, in Markdown."""
    lines = ["| value | default | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {default} | {meaning} |" for name, default, meaning in rows_of(chart)]
    return "\n".join(lines) + "\n"


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the names of values that are no maps, or empty maps: `nodes.driverLabel`."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


@dataclass(frozen=True)
class _Rows:
    """The rows of a schema with these definitions."""

    definitions: Mapping[str, Any]

    def of(
        self, node: Mapping[str, Any], defaults: object, prefix: str, about: str = ""
    ) -> Iterator[tuple[str, str, str]]:
        """Yield the rows of an object's properties; `about` begins their descriptions."""
        for key, found in node["properties"].items():
            value = defaults.get(key, _MISSING) if isinstance(defaults, Mapping) else _MISSING
            target = {**self.definitions[found["$ref"].rpartition("/")[2]], **found} if "$ref" in found else found
            meaning = about + str(found.get("description", ""))
            inner = target.get("items", target)
            if inner is not target or "properties" not in inner:
                yield prefix + key, _text(value), meaning
            if "properties" in inner:
                one, default = (f"{prefix}{key}.", value) if inner is target else (f"{prefix}{key}[].", _MISSING)
                yield from self.of(inner, default, one, f"{meaning}: " if "$ref" in found and inner is target else "")


def _text(value: object) -> str:
    return "" if value is _MISSING else f"`{json.dumps(value, ensure_ascii=False)}`"
