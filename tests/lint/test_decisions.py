"""The pages of docs/decisions: their numbers, headings, length, and the lists that lead to them."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "decisions").glob("[0-9]*.md"))
LONGEST = 30
_LINK = re.compile(r"\]\((?:decisions/)?(\d{4}-[a-z-]+\.md)\)")


def test_the_numbers_count_up_without_a_gap() -> None:
    assert [page.name[:5] for page in PAGES] == [f"{number:04}-" for number in range(1, len(PAGES) + 1)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_is_short_and_has_the_three_headings(page: Path) -> None:
    lines = page.read_text().splitlines()

    assert len(lines) <= LONGEST
    assert lines[0].startswith(f"# {page.name[:4]}. ")
    assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]


@pytest.mark.parametrize("name", ["decisions/README.md", "architecture.md"])
def test_a_list_leads_to_every_decision_once(name: str) -> None:
    assert sorted(_LINK.findall((DOCS / name).read_text())) == [page.name for page in PAGES]
