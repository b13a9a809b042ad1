"""The links of the pages to files of the checkout."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.checkout import ROOT


def links(page: Path) -> Iterator[str]:
    """Yield the targets of a page's links to files, without their anchors."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"[a-z]+:|#", target):
            yield target.partition("#")[0]


def broken_links(page: Path) -> list[str]:
    """Return the targets of a page's links that do not exist."""
    return [target for target in links(page) if not (page.parent / target).exists()]


def test_every_link_of_a_page_leads_to_a_file() -> None:
    listed = subprocess.check_output(["git", "ls-files", "-z", "*.md"], cwd=ROOT, text=True).split("\0")
    pages = [ROOT / name for name in listed if name]

    assert [(page.name, target) for page in pages for target in broken_links(page)] == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[here](page.md#top) [there](gone.md#top) [away](https://example.org/gone.md) [below](#gone)\n")

    assert broken_links(page) == ["gone.md"]
