import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.release.changelog import NoEntryError, entry_of, unreleased_entry, with_release
from tests.support.checkout import ROOT

TEXT = """\
# Changelog

## [Unreleased]

### Added

- Something.

## [1.0.0] - 2026-01-01

- The first.

[1.0.0]: https://example.org/v1.0.0
"""


def test_what_is_unreleased_comes_under_the_version_s_own_heading() -> None:
    after = with_release(TEXT, "1.1.0", "2026-11-24")

    assert entry_of(after, "1.1.0") == entry_of(TEXT, "Unreleased") == "### Added\n\n- Something."
    assert entry_of(after, "Unreleased") == ""
    assert "## [Unreleased]\n\n## [1.1.0] - 2026-11-24\n\n### Added" in after


def test_a_version_that_has_its_heading_stays_as_it_is() -> None:
    assert with_release(TEXT, "1.0.0", "2026-11-24") == TEXT
    assert entry_of(TEXT, "1.0.0") == "- The first."


def test_nothing_to_say_is_refused_with_where_to_say_it() -> None:
    empty = "# Changelog\n\n## [Unreleased]\n\n## [1.0.0]\n\n- The first.\n"
    with pytest.raises(
        NoEntryError, match=r"has no entry for 1\.1\.0: write what has changed below `## \[Unreleased\]`"
    ):
        with_release(empty, "1.1.0", "2026-11-24")
    assert unreleased_entry(empty, "1.1.0") == unreleased_entry("", "1.1.0") == ""


@given(st.text(st.characters(exclude_characters="#[\r", codec="utf-8")).map(lambda text: f"- {text}"))
def test_releasing_twice_is_releasing_once_and_loses_no_line(entry: str) -> None:
    text = f"# Changelog\n\n## [Unreleased]\n\n{entry}\n\n## [1.0.0]\n\n- The first.\n"
    once = with_release(text, "1.1.0", "2026-11-24")

    assert with_release(once, "1.1.0", "2027-01-01") == once
    assert [line for line in text.splitlines() if line not in once.splitlines()] == []


def test_our_own_changelog_can_be_released() -> None:
    assert unreleased_entry((ROOT / "CHANGELOG.md").read_text(), "99.0.0")
