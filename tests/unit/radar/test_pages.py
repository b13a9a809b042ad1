import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from lifecycle.radar.model import RadarResult, Verdict
from lifecycle.radar.pages import (
    JSON,
    MARKDOWN,
    heading,
    markdown,
    patch_words,
    read_result,
    rows,
    summary,
    symbol_lines,
    symbol_words,
    verdict_words,
    write_result,
)
from tests.support.radar.results import CAUSE, EACH, SYMBOLS, modules, result


@dataclass(frozen=True)
class Expected:
    verdict: Verdict
    words: str


def test_a_heading_has_kernel_suite_release_and_arrival() -> None:
    (kernel,) = result().kernels

    assert heading(kernel) == (
        "7.4.1-cloud-amd64 (7.4.1-1) from trixie-backports, for debian-13, now 6.12.118-cloud-amd64; arrival: unknown"
    )


def test_a_row_has_driver_verdict_error_and_patch() -> None:
    (kernel,) = result().kernels

    assert rows(kernel)[2] == (
        "550.163.01 open",
        "does not compile",
        "missing member: nvidia/nv.c:12: 'struct vma' has no member named 'x' | <script>",
        "similar: c.patch",
    )


def test_symbols_have_a_line_for_each_set_of_modules_that_was_compared() -> None:
    (kernel,) = result().kernels

    assert [line.partition(":")[0] for line in symbol_lines(kernel)] == ["550.163.01 open"]


def test_the_compilers_words_are_plain_text_in_markdown() -> None:
    text = markdown(result())

    assert r"named 'x' \| \<script\>" in text
    assert "### 7.4.1-cloud-amd64 (7.4.1-1) from trixie-backports" in text
    assert "| 550.163.01 open | fits with patches | – | a.patch, b.patch |" in text
    assert "- 550.163.01 open: of 9 that today's modules import" in text
    assert "### Not asked" in text


def test_the_summary_counts_and_names_new_breaks() -> None:
    assert summary(result()) == (
        "1 kernel to come: 2 of 4 sets of modules fit. New breaks: debian-13/7.4.1-cloud-amd64/550.163.01 open."
    )


def test_the_summary_of_a_dry_run_tells_what_is_not_compiled() -> None:
    assert summary(result(modules(Verdict.UNKNOWN))) == (
        "1 kernel to come: 0 of 1 set of modules fit, 1 not compiled yet."
    )


def test_without_kernels_the_summary_says_so() -> None:
    nothing = RadarResult(at=result().at, kernels=(), warnings=())

    assert summary(nothing) == "No archive that answered has a kernel to come."
    assert "|" not in markdown(nothing)


@pytest.mark.parametrize(
    "expected",
    [
        Expected(Verdict.BREAKS, "does not compile, as an exclusion says"),
        Expected(Verdict.FITS, "fits, though an exclusion leaves it out"),
        Expected(Verdict.PATCHED, "fits with patches, though an exclusion leaves it out"),
        Expected(Verdict.UNKNOWN, "not compiled yet"),
    ],
)
def test_an_exclusion_is_confirmed_or_contradicted(expected: Expected) -> None:
    assert verdict_words(modules(expected.verdict, excluded="it does not compile")) == expected.words


def test_changes_of_symbols_are_one_sentence() -> None:
    assert symbol_words(SYMBOLS) == (
        "of 9 that today's modules import: 1 symbol missing (gone), 2 with another CRC, 1 now GPL-only (free), "
        "not allowed for these modules: free"
    )


def test_crcs_that_a_kernel_does_not_have_are_not_compared() -> None:
    assert "CRCs not compared" in symbol_words(SYMBOLS.model_copy(update={"changed": None}))


def test_modules_without_patches_have_no_words_about_them() -> None:
    assert patch_words(EACH[0]) == ""


def test_both_files_are_written_and_read_again(tmp_path: Path) -> None:
    found = write_result(tmp_path / "radar", result())

    assert [path.name for path in found] == [JSON, MARKDOWN]
    assert read_result(tmp_path / "radar") == result()


def test_the_json_has_keys_in_camel_case(tmp_path: Path) -> None:
    write_result(tmp_path, result())
    (kernel,) = json.loads((tmp_path / JSON).read_text())["kernels"]

    assert kernel["modules"][2]["cause"]["place"] == CAUSE.place
    assert kernel["modules"][0]["symbols"]["gplOnly"] == ["free"]
    assert kernel["modules"][0]["moduleType"] == "open"


@pytest.mark.parametrize("content", ["", "{}", '{"at": "of old"}', "[]"])
def test_a_file_of_another_version_is_no_result(tmp_path: Path, content: str) -> None:
    (tmp_path / JSON).write_text(content)

    assert read_result(tmp_path) is None


def test_without_the_file_there_is_no_result(tmp_path: Path) -> None:
    assert read_result(tmp_path) is None
