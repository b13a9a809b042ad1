"""The admission policies of k8s/policies: they ask for what we sign, and their conditions refuse what they should.

Not run here: the policies' own controllers, which need a cluster.
"""

from collections.abc import Mapping
from typing import Any

import jmespath
import pytest
import yaml

from lifecycle.attest.statements import SYMBOL_PROOF, TESTS
from tests.support.builders.attestations import PREDICATES
from tests.support.checkout import ROOT

FOLDER = ROOT / "k8s/policies"
KYVERNO = yaml.safe_load((FOLDER / "kyverno.yaml").read_text())["spec"]["rules"][0]["verifyImages"][0]
SIGSTORE = yaml.safe_load((FOLDER / "policy-controller.yaml").read_text())["spec"]
EMPTY: Mapping[str, Any] = {"modules": [], "suites": []}


def allows(kind: str, predicate: Mapping[str, Any]) -> bool:
    """Return whether Kyverno's conditions for a predicate type hold for a predicate."""
    (attestation,) = [one for one in KYVERNO["attestations"] if one["type"] == kind]
    compare = {"Equals": lambda found, value: found == value, "GreaterThan": lambda found, value: found > value}
    return all(
        compare[condition["operator"]](jmespath.search(condition["key"].strip("{} "), predicate), condition["value"])
        for group in attestation["conditions"]
        for condition in group["all"]
    )


@pytest.mark.parametrize("kind", [SYMBOL_PROOF, TESTS])
def test_an_image_with_its_proofs_is_admitted(kind: str) -> None:
    assert allows(kind, PREDICATES[kind])


def test_a_module_whose_symbols_do_not_fit_is_refused() -> None:
    predicate: dict[str, Any] = dict(PREDICATES[SYMBOL_PROOF])
    predicate["modules"] = [{**predicate["modules"][0], "matchingSymbols": 8}]

    assert not allows(SYMBOL_PROOF, predicate)


@pytest.mark.parametrize("kind", [SYMBOL_PROOF, TESTS])
def test_a_proof_of_nothing_is_refused(kind: str) -> None:
    assert not allows(kind, EMPTY)


def test_both_policies_ask_for_the_same_statements() -> None:
    (authority,) = SIGSTORE["authorities"]

    kinds = [one["predicateType"] for one in authority["attestations"]]
    assert kinds == [one["type"] for one in KYVERNO["attestations"]] == [SYMBOL_PROOF, TESTS]


def test_both_policies_need_the_key_and_the_images_to_be_filled_in() -> None:
    for name in ("kyverno.yaml", "policy-controller.yaml"):
        text = (FOLDER / name).read_text()
        assert "REGISTRY/REPOSITORY" in text
        assert "BEGIN PUBLIC KEY" in text


def test_a_digest_is_required() -> None:
    assert (KYVERNO["required"], KYVERNO["verifyDigest"], SIGSTORE["mode"]) == (True, True, "enforce")
