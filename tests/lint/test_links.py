"""The links of the pages: lychee, as `nox -s lint` runs it, finds links to files and to headings that do not exist."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

LYCHEE = Path(sys.executable).with_name("lychee")
PAGE = "# Page\n\n## A heading\n\n[this](page.md#a-heading) [away](https://example.org/gone)\n"


def lychee(*pages: Path) -> subprocess.CompletedProcess[str]:
    command = [str(LYCHEE), "--offline", "--include-fragments", "--no-progress", *map(str, pages)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_link_of_a_page_leads_to_a_file_and_a_heading() -> None:
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.check_output(words, cwd=ROOT, text=True).split("\0")
    pages = [ROOT / name for name in listed if name and (ROOT / name).exists()]
    done = lychee(*pages)

    assert len(pages) > 50
    assert done.returncode == 0, done.stdout


def test_good_links_are_good(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE)

    assert lychee(tmp_path / "page.md").returncode == 0


@pytest.mark.parametrize("link", ["gone.md", "page.md#gone", "#gone"])
def test_a_broken_link_is_found(tmp_path: Path, link: str) -> None:
    (tmp_path / "page.md").write_text(f"{PAGE}[there]({link})\n")
    done = lychee(tmp_path / "page.md")

    assert done.returncode != 0
    assert link.lstrip("#") in done.stdout
