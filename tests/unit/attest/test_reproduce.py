from collections.abc import Mapping
from typing import Any

import pytest

from lifecycle.attest.reproduce import NotReproducibleError, Recipe, recipe_of

PREDICATE: Mapping[str, Any] = {
    "buildDefinition": {
        "externalParameters": {"combination": "a/b/c", "files": {"component.yaml": "1"}},
        "internalParameters": {"imageId": "sha256:2"},
        "resolvedDependencies": [
            {"uri": "apt:Debian/x", "digest": {"sha256": "3"}},
            {"uri": "git:4", "digest": {"gitCommit": "4"}},
        ],
    }
}


def test_a_provenance_names_the_commit_the_declarations_and_the_image() -> None:
    assert recipe_of("r/i:1", PREDICATE) == Recipe(
        combination="a/b/c", commit="4", files={"component.yaml": "1"}, image_id="sha256:2"
    )


def test_a_provenance_without_a_commit_cannot_be_followed() -> None:
    definition = {**PREDICATE["buildDefinition"], "resolvedDependencies": []}

    with pytest.raises(NotReproducibleError, match="r/i:1 cannot be reproduced: its provenance names no commit"):
        recipe_of("r/i:1", {"buildDefinition": definition})


def test_a_provenance_of_somebody_elses_form_is_told() -> None:
    with pytest.raises(NotReproducibleError, match="has another form: buildDefinition: Field required"):
        recipe_of("r/i:1", {})
