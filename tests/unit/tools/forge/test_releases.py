"""The notes and the files of a release."""

import pytest

from lifecycle.tools.forge.releases import Asset, fit_notes, same_text

ASSET = Asset(name="a", content=b"abc")
DIGEST = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_notes_that_fit_stay() -> None:
    assert fit_notes("a\nb\n", 4, "notes.md") == "a\nb\n"


def test_notes_that_are_too_long_end_at_a_line_and_name_the_whole() -> None:
    notes = "".join(f"line {number}\n" for number in range(100))
    fitted = fit_notes(notes, 300, "notes.md")
    kept, _, ending = fitted.partition("\n\n")

    assert len(fitted) <= 300
    assert notes.startswith(kept + "\n")
    assert "notes.md" in ending


@pytest.mark.parametrize(
    ("size", "digest", "same"),
    [(3, DIGEST, True), (3, None, True), (3, "", True), (4, None, False), (3, "sha256:0", False), (4, DIGEST, False)],
)
def test_a_file_is_known_by_its_size_and_its_digest_where_there_is_one(
    size: int, digest: str | None, same: bool
) -> None:
    assert ASSET.matches(size, digest) is same


@pytest.mark.parametrize(
    ("there", "same"), [("a\r\nb\r\n", True), ("a\nb", True), ("a\n\nb\n", False), ("", False), (None, False)]
)
def test_the_line_ends_of_a_page_make_no_difference(there: str | None, same: bool) -> None:
    assert same_text(there, "a\nb\n") is same
