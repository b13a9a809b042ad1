import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lifecycle.cache.last_build import note_last_build
from lifecycle.config.schema import ModuleType
from lifecycle.planning.matrix import ExcludedModules
from lifecycle.report.facts import Report, ReportRequest, read_report
from lifecycle.report.page import next_steps, render, tiles
from lifecycle.report.picture import picture_of
from lifecycle.report.timeline import timeline_of
from tests.support.builders.projects import project
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession
from tests.support.report_sessions import busy_report, last_build, step

EVIL = "<script>alert('x')</script>"
OFFLINE = ReportRequest(offline=True)
VOID = {"meta", "br", "input", "line", "rect"}


class Reader(HTMLParser):
    """A reader of a page: its tags, its anchors, the anchors that links name, and elements that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        self.open += [] if tag in VOID else [tag]
        self.ids += [str(known["id"])] if "id" in known else []
        self.links += [str(known["href"])] if "href" in known else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.unbalanced.append(tag)


@pytest.fixture(scope="module")
def report(wide: FakeSession) -> Report:
    return busy_report(wide, OFFLINE)


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return render(report)


def test_every_link_leads_to_an_anchor_of_the_page(page: str) -> None:
    found = Reader(page)

    assert len(found.ids) == len(set(found.ids))
    assert {link for link in found.links if link.removeprefix("#") not in found.ids} == {
        link for link in found.links if link.startswith("https://packages.gardenlinux.io/")
    }


def test_elements_are_closed_in_their_order(page: str) -> None:
    found = Reader(page)

    assert (found.unbalanced, found.open) == ([], [])


def test_the_page_needs_no_other_file_and_no_script(page: str) -> None:
    found = Reader(page)

    assert {"script", "link", "img", "iframe", "object"} & {*found.tags} == set()
    assert "url(" not in page
    assert "@import" not in page


def test_a_console_with_a_script_in_it_is_text(page: str) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize(
    "change",
    [
        lambda r: replace(r, warnings=(EVIL,)),
        lambda r: replace(r, name=EVIL),
        lambda r: replace(r, request=replace(r.request, only=EVIL)),
        lambda r: replace(r, contents=(replace(r.contents[0], problems=(EVIL,)), *r.contents[1:])),
        lambda r: replace(r, changes=replace(r.changes, branch=EVIL, commit="1")),
        lambda r: replace(r, timeline=timeline_of(last_build(step(EVIL, "image", 0, 400)))),
    ],
    ids=["warning", "name", "selector", "problem", "branch", "step"],
)
def test_text_from_outside_is_escaped(report: Report, change: Callable[[Report], Report]) -> None:
    text = render(change(report))

    assert "&lt;script&gt;alert(&#39;x&#39;)" in text
    assert "script" not in Reader(text).tags


def test_a_hole_with_a_script_as_its_reason_is_escaped(report: Report) -> None:
    first = report.contents[0].combination
    entry = ExcludedModules(module_type=ModuleType.OPEN, reason=EVIL)
    hole = replace(first, release="other", module_types=(), excluded=(entry,))
    text = render(replace(report, picture=picture_of([], [hole], {}, {}, engine=True), contents=()))

    assert "script" not in Reader(text).tags
    assert "&lt;script&gt;" in text


def test_nothing_of_a_new_checkout_is_missing_with_a_traceback(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.unreachable = True
    text = render(read_report(FakeSession(project(), tmp_path / "cache", engine), OFFLINE))

    assert "no record of a build that did anything" in text
    assert "There is no release yet" in text
    assert "unknown: the engine did not answer" in text


def test_a_build_of_nothing_but_downloads_is_shown(tmp_path: Path) -> None:
    session = FakeSession(project(), tmp_path / "cache", FakeEngine())
    build = last_build(seconds=3).model_copy(update={"taken": {"modules": 2}, "reused": {}, "compiles": 0})
    note_last_build(session.cache, build)
    text = render(read_report(session, OFFLINE))

    assert "Downloaded from the remote cache: 2 modules." in text
    assert "What decided its length" not in text


def test_many_combinations_are_grouped_by_release(report: Report) -> None:
    few = replace(report, contents=report.contents[:4])

    assert "<h3>gardenlinux-2000.1</h3>" in render(report)
    assert "<h3>gardenlinux-2000.1</h3>" not in render(few)


def test_the_numbers_at_the_top_are_those_of_the_matrix(report: Report) -> None:
    numbers = {tile.name: tile.count for tile in tiles(report.picture.cells)}

    assert numbers == {
        "combinations": 64,
        "built": 48,
        "tested": 32,
        "kernel booted": 16,
        "pushed": 16,
        "in GitOps": 8,
        "holes": 0,
    }


def test_a_stage_that_is_unknown_everywhere_has_no_number(wide: FakeSession) -> None:
    numbers = {tile.name: tile.count for tile in tiles(read_report(wide, OFFLINE).picture.cells)}

    assert numbers["pushed"] is None


def test_next_steps_count_the_combinations_that_wait(report: Report) -> None:
    assert next_steps(report.picture.cells)[-1] == ("merge our/branch", 8)


def test_times_are_in_utc(page: str) -> None:
    assert re.search(r"Built on <time [^>]*>29 November 2026, 17:05 UTC</time>", page)


def test_no_status_is_told_by_colour_alone(page: str) -> None:
    boxes = set(re.findall(r'<b class="s (\w+)">(.)</b>', page))

    assert {kind for kind, letter in boxes if letter in "BTKPG"} == {"yes", "partly"}
    assert {letter for kind, letter in boxes if kind == "no"} == {"·"}
