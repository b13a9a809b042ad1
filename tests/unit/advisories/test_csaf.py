import json
from datetime import date

import pytest

from lifecycle.advisories.csaf import BadBulletinError, read_bulletin
from tests.support.builders.bulletins import bulletin

CONTENT = bulletin("5821", "2026-05-21", ("CVE-1", 8.8, {"535": "535.309.01", "595": "595.71.05"}))


def test_a_bulletin_has_the_fixes_of_the_data_centre_driver_by_branch() -> None:
    read = read_bulletin("5821.json", CONTENT)

    assert (read.id, read.date, read.branches) == ("5821", date(2026, 5, 21), ("535", "595"))
    (one,) = read.vulnerabilities
    assert (one.cve, one.score, one.severity) == ("CVE-1", 8.8, "high")
    assert one.fixed == {"535": "535.309.01", "595": "595.71.05"}


def test_a_bulletin_about_something_else_has_no_vulnerabilities() -> None:
    content = CONTENT.replace(b"Linux(R", b"Windows(R")

    assert read_bulletin("a", content).vulnerabilities == ()
    assert read_bulletin("a", CONTENT.replace(b"Tesla", b"GeForce")).vulnerabilities == ()


def test_the_newest_kind_of_score_counts() -> None:
    document = json.loads(CONTENT)
    document["vulnerabilities"][0]["scores"] = [{"cvss_v3": {"baseScore": 5.0}, "cvss_v4": {"baseScore": 9.1}}]

    assert read_bulletin("a", json.dumps(document).encode()).vulnerabilities[0].score == 9.1


def test_a_vulnerability_without_a_score_is_kept() -> None:
    document = json.loads(CONTENT)
    del document["vulnerabilities"][0]["scores"]

    assert read_bulletin("a", json.dumps(document).encode()).vulnerabilities[0].score == 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"{", "Invalid JSON"), (b"[]", "the document"), (b'{"document": {"title": "a"}}', "document.tracking")],
)
def test_anything_else_is_refused_with_its_name_and_problem(content: bytes, problem: str) -> None:
    with pytest.raises(BadBulletinError, match=f"x.json is not a CSAF document: .*{problem}"):
        read_bulletin("x.json", content)
