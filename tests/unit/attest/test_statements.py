import json

import pytest

from lifecycle.attest.statements import SPDX, TESTS, BadStatementError, read_statement
from tests.support.builders.attestations import DIGEST, NAME, statement


def test_a_statement_survives_its_json() -> None:
    assert read_statement(statement(TESTS).to_json()) == statement(TESTS)


def test_a_statement_is_in_the_form_of_in_toto() -> None:
    assert json.loads(statement(SPDX, {"a": 1}).to_json()) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": NAME, "digest": {"sha256": DIGEST.removeprefix("sha256:")}}],
        "predicateType": "https://spdx.dev/Document",
        "predicate": {"a": 1},
    }


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"_type": "https://example.com"}, "_type"),
        ({"subject": []}, "subject: List should have at least 1 item"),
        ({"subject": [{"digest": {"sha512": "1"}}]}, "one subject with a sha256"),
        ({"subject": [{"digest": {"sha256": "1"}}] * 2}, "one subject with a sha256"),
        ({"predicate": "text"}, "predicate"),
    ],
)
def test_anything_else_is_refused_with_its_problem(change: dict[str, object], problem: str) -> None:
    content = json.loads(statement(SPDX).to_json()) | change

    with pytest.raises(BadStatementError, match=problem):
        read_statement(json.dumps(content).encode())
