"""The JSON Schemas of the statements about an image, from their models."""

import json
from pathlib import Path

from lifecycle.attest.predicates import MODELS
from tests.support.checkout import ROOT

SCHEMAS: Path = ROOT / "docs/reference/predicates"


def predicate_schema(kind: str) -> str:
    """Return the text of a predicate's JSON Schema; the type is its `$id`."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps({"$schema": dialect, "$id": kind, **MODELS[kind].model_json_schema()}, indent=2) + "\n"
