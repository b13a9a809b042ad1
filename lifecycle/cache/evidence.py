"""Evidence about images: the results of their tests, for the statements about them."""

import json
from collections.abc import Mapping
from typing import Any

from lifecycle.cache.cache import Cache, read_json


def note_evidence(cache: Cache, section: str, image: str, evidence: Mapping[str, object]) -> None:
    """Save what tests have shown of an image, by its id, in the section TESTED or BOOTED; `combination` is a key of it."""
    cache.write(cache.evidence_file(section, image), json.dumps(evidence))


def read_evidence(cache: Cache, section: str, image: str) -> dict[str, Any] | None:
    """Return what `note_evidence` has saved, or None."""
    return read_json(cache.evidence_file(section, image))
