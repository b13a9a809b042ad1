"""The page in use: without scripts and network, on a narrow screen, on paper, and with 832 combinations."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

_SECONDS = 10
_MEGABYTES = 4


@pytest.mark.parametrize("name", ["few", "many"])
def test_a_link_of_the_matrix_opens_its_combination(open_page: Callable[..., Page], name: str) -> None:
    page = open_page(name, java_script_enabled=False)
    link = page.locator(".matrix td a").nth(1)
    target = str(link.get_attribute("href"))
    expect(page.locator(f'[id="{target[1:]}"]')).not_to_be_visible()
    link.click()

    expect(page.locator(f'[id="{target[1:]}"]')).to_be_visible()


def test_a_combination_leads_to_its_inputs(open_page: Callable[..., Page]) -> None:
    page = open_page("few", java_script_enabled=False)
    page.locator("#combinations ~ .card summary").first.click()
    page.get_by_role("link", name="driver 535.309.01").first.click()

    expect(page.get_by_role("rowheader", name="libcuda1").first).to_be_visible()


@pytest.mark.parametrize(("choice", "rows"), [("all", 104), ("previous", 36), ("current", 34), ("canary", 34)])
def test_a_channel_can_be_chosen_without_scripts(open_page: Callable[..., Page], choice: str, rows: int) -> None:
    page = open_page("many", java_script_enabled=False)
    page.locator(".filters fieldset").nth(1).get_by_label(choice, exact=True).check()

    assert page.locator(".matrix tbody tr:visible").count() == rows


def test_the_page_asks_for_nothing_and_logs_nothing(open_page: Callable[..., Page], pages: dict[str, Path]) -> None:
    page, asked, said = open_page("few"), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.reload()

    assert (asked, said) == ([pages["few"].as_uri()], [])


def test_a_console_with_a_script_in_it_runs_none(open_page: Callable[..., Page]) -> None:
    page, dialogs = open_page("few"), list[str]()

    def refuse(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
    assert dialogs == []


@pytest.mark.parametrize("name", ["few", "many"])
@pytest.mark.parametrize("width", [320, 400, 1360])
def test_only_tables_scroll_to_the_side(open_page: Callable[..., Page], name: str, width: int) -> None:
    page = open_page(name, width=width)
    page.evaluate("document.querySelectorAll('section > details').forEach((one, i) => one.open = i < 2)")

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_names_stay_in_view_in_a_matrix_that_scrolls(open_page: Callable[..., Page]) -> None:
    page = open_page("many", width=800)
    page.evaluate("document.querySelector('.matrix').scrollTo(600, 2000)")
    matrix = page.locator(".matrix").bounding_box()
    corner = page.locator(".matrix thead th").first.bounding_box()

    assert matrix
    assert corner
    assert abs(corner["x"] - matrix["x"]) <= 2
    assert abs(corner["y"] - matrix["y"]) <= 2


def test_832_combinations_are_few_bytes_and_open_soon(open_page: Callable[..., Page], pages: dict[str, Path]) -> None:
    page = open_page("many")
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")

    assert pages["many"].stat().st_size < _MEGABYTES * 1e6
    assert loaded < _SECONDS * 1000


@pytest.mark.parametrize("name", ["few", "many"])
def test_the_page_can_be_printed(open_page: Callable[..., Page], shots: Path, name: str) -> None:
    page = open_page(name, color_scheme="dark")
    page.emulate_media(media="print")

    assert not page.locator("nav").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(path=shots / f"{name}.pdf", prefer_css_page_size=True).startswith(b"%PDF")


@pytest.mark.parametrize("name", ["few", "many"])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1360), ("dark", 1360), ("light", 400)])
def test_a_screenshot_is_taken_for_people(
    open_page: Callable[..., Page], shots: Path, name: str, scheme: str, width: int
) -> None:
    page = open_page(name, color_scheme=scheme, width=width)

    assert page.screenshot(path=shots / f"{name}-{scheme}-{width}.png", full_page=name == "few")
