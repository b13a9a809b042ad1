"""The page's accessibility: axe-core's rules for WCAG 2.2 A and AA and its best practices, and use by keyboard."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OPEN_ALL = "document.querySelectorAll('details').forEach(one => one.open = true)"
# The parts of one combination and one group of inputs are the same as of all others.
OPEN_FIRST = (
    "document.querySelectorAll('section').forEach(s => s.querySelectorAll('details').forEach((d, i) => d.open = i < 3))"
)


def violations(page: Page) -> list[str]:
    """Return the rules of axe-core that a page breaks, each with an element that breaks it."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0].get('failureSummary')}" for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 400])
def test_axe_finds_nothing_in_the_page_with_everything_open(
    open_page: Callable[..., Page], scheme: str, width: int
) -> None:
    page = open_page("few", color_scheme=scheme, width=width)
    page.evaluate(OPEN_ALL)

    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_page_of_832_combinations(open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page("many", color_scheme=scheme)
    page.evaluate(OPEN_FIRST)

    assert violations(page) == []


def test_axe_finds_what_is_wrong(open_page: Callable[..., Page]) -> None:
    page = open_page("few")
    page.evaluate("document.documentElement.removeAttribute('lang')")
    page.evaluate("document.querySelector('h1').style.color = '#ddd'")

    assert {one.partition(":")[0] for one in violations(page)} == {"html-has-lang", "color-contrast"}


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id"))


def test_the_first_key_skips_to_the_report(open_page: Callable[..., Page]) -> None:
    page = open_page("few")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the report"
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "main"


def test_focus_can_be_seen(open_page: Callable[..., Page]) -> None:
    page = open_page("few")
    for _ in range(3):
        page.keyboard.press("Tab")

    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"


def test_rows_are_filtered_with_the_keyboard(open_page: Callable[..., Page]) -> None:
    page = open_page("few")
    everything = page.locator(".matrix tbody tr:visible").count()
    page.locator("#rows-all").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")

    assert everything == 3
    assert page.locator(".matrix tbody tr:visible th").all_inner_texts()[0].startswith("debian-13-backports")


def test_headings_do_not_skip_a_level(open_page: Callable[..., Page]) -> None:
    levels = open_page("few").evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")

    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_motion_is_for_those_who_want_it(open_page: Callable[..., Page]) -> None:
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"

    assert open_page("few", reduced_motion="reduce").evaluate(behaviour) == "auto"
    assert open_page("few", reduced_motion="no-preference").evaluate(behaviour) == "smooth"
