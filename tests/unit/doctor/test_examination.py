"""Checks that run together: their order, their errors and their time limit."""

import threading
from collections.abc import Callable, Iterator

import pytest

from lifecycle.doctor.examination import Check, examine
from lifecycle.doctor.finding import Finding, State, Subject
from lifecycle.errors import InstallerError, UsageError


def check(name: str, run: Callable[[], list[Finding]] | None = None) -> Check:
    return Check(subject=name, run=run or (lambda: [Subject(name).ok("fine")]))


def raising(error: Exception) -> Callable[[], list[Finding]]:
    def run() -> list[Finding]:
        raise error

    return run


def test_findings_come_in_the_order_of_the_checks_whichever_ends_first() -> None:
    second_ended = threading.Event()

    def slow() -> list[Finding]:
        assert second_ended.wait(10)
        return [Subject("slow").ok("fine")]

    def fast() -> list[Finding]:
        second_ended.set()
        return [Subject("fast").ok("fine")]

    assert [f.subject for f in examine([check("slow", slow), check("fast", fast)])] == ["slow", "fast"]


def test_a_check_that_does_not_end_is_an_error_and_the_others_are_shown() -> None:
    never = threading.Event()

    def hanging() -> list[Finding]:
        never.wait(60)
        return []

    first, second = examine([check("dead", hanging), check("alive")], limit=2)
    never.set()

    assert (first.subject, first.state, first.text) == ("dead", State.ERROR, "no result within 2 s")
    assert second.state is State.OK


def test_an_error_is_one_line_with_its_evidence_and_what_to_do() -> None:
    error = InstallerError("it broke", details="  ld: no\n  gave up", resolution="Mend it.\nThen try again.")
    (found,) = examine([check("tool", raising(error))])

    assert found == Subject("tool").error("it broke: ld: no gave up", "Mend it. Then try again.")


@pytest.mark.parametrize("error", [UsageError("a bad word"), PermissionError(13, "Permission denied", "/secret")])
def test_an_error_of_the_user_or_of_the_system_is_a_finding(error: Exception) -> None:
    (found,) = examine([check("file", raising(error))])

    assert found.state is State.ERROR


def test_what_was_found_before_an_error_is_shown() -> None:
    def half() -> Iterator[Finding]:
        yield Subject("half").ok("the first part")
        raise InstallerError("the second part broke")

    found = list(examine([Check(subject="half", run=half)]))

    assert [finding.text for finding in found] == ["the first part", "the second part broke"]


def test_a_bug_in_a_check_is_no_finding() -> None:
    with pytest.raises(ZeroDivisionError):
        list(examine([check("bug", raising(ZeroDivisionError()))]))
