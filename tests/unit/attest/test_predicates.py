import pytest
from pydantic import ValidationError

from lifecycle.attest.predicates import MODELS
from lifecycle.attest.statements import BOOT_PROOF, SYMBOL_PROOF, TESTS
from tests.support.builders.attestations import statement


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_a_predicate_survives_its_json(kind: str) -> None:
    predicate = statement(kind).predicate
    read = MODELS[kind].model_validate(predicate)

    assert read.model_dump(mode="json", by_alias=True, exclude_none=True) == predicate


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (SYMBOL_PROOF, {"modules": []}),
        (SYMBOL_PROOF, {"headers": [{"name": "a", "version": "1", "sha256": "1"}]}),
        (BOOT_PROOF, {"loads": [{"moduleType": "open", "modules": []}]}),
        (TESTS, {"suites": [{"name": "tests/images", "passed": 0, "skipped": 5}]}),
        (TESTS, {"unknown": 1}),
    ],
)
def test_a_proof_of_nothing_is_no_proof(kind: str, change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MODELS[kind].model_validate({**statement(kind).predicate, **change})
