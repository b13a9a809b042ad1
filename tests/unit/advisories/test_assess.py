import pytest

from lifecycle.advisories.assess import Finding, findings
from lifecycle.advisories.csaf import read_bulletin
from tests.support.builders.bulletins import bulletin

MAY = read_bulletin(
    "a",
    bulletin(
        "5821",
        "2026-05-21",
        ("CVE-1", 8.8, {"535": "535.309.01", "595": "595.71.05"}),
        ("CVE-2", 7.0, {"595": "595.71.05"}),
    ),
)
APRIL = read_bulletin("b", bulletin("5630", "2025-04-30", ("CVE-3", 5.5, {"535": "535.247.01", "550": "550.163.01"})))


def found(*drivers: str) -> list[tuple[str, str, str | None]]:
    return [(one.driver, one.bulletin, one.fixed_in) for one in findings(drivers, [APRIL, MAY])]


@pytest.mark.parametrize("driver", ["535.309.01", "535.309.10", "595.71.05", "600.1"])
def test_a_driver_with_all_fixes_has_no_finding(driver: str) -> None:
    assert found(driver) == []


def test_an_older_version_names_the_one_that_fixes_it() -> None:
    assert found("535.288.01", "535.9.99") == [
        ("535.288.01", "5821", "535.309.01"),
        ("535.9.99", "5821", "535.309.01"),
        ("535.9.99", "5630", "535.247.01"),
    ]


def test_a_branch_that_a_bulletin_does_not_list_any_more_is_unfixed() -> None:
    assert found("550.163.01") == [("550.163.01", "5821", None)]


def test_a_branch_that_began_after_a_bulletin_has_its_fixes() -> None:
    assert ("595.58.03", "5630", None) not in found("595.58.03")


def test_a_vulnerability_of_other_branches_alone_does_not_count() -> None:
    (one,) = findings(["535.288.01"], [MAY])

    assert one.cves == ("CVE-1",)


def test_the_worst_vulnerability_gives_the_score() -> None:
    (one,) = findings(["595.58.03"], [MAY])

    assert one == Finding(
        driver="595.58.03",
        bulletin="5821",
        date=MAY.date,
        fixed_in="595.71.05",
        cves=("CVE-1", "CVE-2"),
        score=8.8,
        severity="high",
    )
