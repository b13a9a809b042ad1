"""The page of `invoke report` in a real browser: Chromium, from the PATH or the variable CHROMIUM.

Screenshots are below build/screenshots.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from lifecycle.report.facts import ReportRequest
from lifecycle.report.page import render
from tests.support.checkout import ROOT
from tests.support.report_sessions import busy_report, own_session, report_session

SHOTS = ROOT / "build/screenshots"
OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        pytest.exit("no Chromium found: run `apt-get install chromium`, or name one in CHROMIUM", returncode=2)
    with sync_playwright() as playwright:
        # Chromium's sandbox does not start as root, as in containers of CI.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the pages of this checkout's few combinations and of 832 synthetic ones, and return their paths."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "nodes").write_text("6.1.0-56-cloud-amd64\n6.1.0-1-other\n")
    few = busy_report(
        own_session(tmp_path_factory.mktemp("few")), ReportRequest(offline=True, nodes=str(folder / "nodes"))
    )
    many = busy_report(report_session(tmp_path_factory.mktemp("many"), 52), ReportRequest(offline=True))
    for name, report in {"few": few, "many": many}.items():
        (folder / f"{name}.html").write_text(render(report))
    return {name: folder / f"{name}.html" for name in ("few", "many")}


@pytest.fixture
def open_page(browser: Browser, pages: dict[str, Path]) -> Iterator[OpenPage]:
    """Return a function that opens the page of a name (`few`, `many`); `anchor` and the options of a context are optional."""
    contexts = []

    def opened(name: str, *, anchor: str = "", width: int = 1360, **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{pages[name].as_uri()}{anchor}")
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def shots() -> Path:
    """Return the folder for screenshots."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return SHOTS
