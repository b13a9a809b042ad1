import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.commands.ci_matrix import TwoOutputsError, UnknownFormatError, check_format, entry_of, print_for_ci
from lifecycle.config.component import Release
from lifecycle.errors import EXIT_USAGE
from tests.support.builders.projects import project

COMBINATIONS = project().matrix.combinations
FIRST = {
    "id": "old-1/6.1.0-56-cloud-amd64/535.309.01",
    "name": "old-1_6.1.0-56-cloud-amd64_535.309.01",
    "release": "old-1",
    "kernel": "6.1.0-56-cloud-amd64",
    "driver": "535.309.01",
    "channel": "previous",
    "architecture": "amd64",
    "tag": "535.309.01-6.1.0-56-cloud-amd64-old-1",
}
# What component.yaml takes for an exact kernel release, and actions/upload-artifact refuses in a name.
KERNELS = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,3}){1,2}[A-Za-z0-9.+~-]{0,12}", fullmatch=True)
RELEASES = st.from_regex(r"[a-z0-9]{1,4}([.-][a-z0-9]{1,4}){0,2}", fullmatch=True)
NO_FILE_NAME = re.compile(r'[^!-~]|["/\\:<>|*?]')


def test_an_entry_names_everything_that_a_job_has_to_know() -> None:
    assert entry_of(COMBINATIONS[0]) == FIRST


@given(kernel=KERNELS, release=RELEASES, other_kernel=KERNELS, other_release=RELEASES)
def test_a_name_is_a_file_name_and_no_two_combinations_share_one(
    kernel: str, release: str, other_kernel: str, other_release: str
) -> None:
    assert Release(name=release, kernel=kernel, channel="current")
    one = replace(COMBINATIONS[0], release=release, kernel=kernel)
    other = replace(COMBINATIONS[0], release=other_release, kernel=other_kernel)

    assert not NO_FILE_NAME.search(entry_of(one)["name"])
    assert (entry_of(one)["name"] == entry_of(other)["name"]) == (one.id == other.id)


def test_for_github_it_is_one_line_that_a_matrix_includes(capsys: pytest.CaptureFixture[str]) -> None:
    print_for_ci("github", COMBINATIONS)
    out = capsys.readouterr().out

    assert out.endswith("\n")
    assert len(out.splitlines()) == 1
    assert json.loads(out) == {"include": [entry_of(c) for c in COMBINATIONS]}


def test_a_combination_to_build_from_scratch_says_so_and_no_other_does(capsys: pytest.CaptureFixture[str]) -> None:
    print_for_ci("jenkins", COMBINATIONS[:2], rebuild={FIRST["id"]})

    assert json.loads(capsys.readouterr().out) == [{**FIRST, "rebuild": "true"}, entry_of(COMBINATIONS[1])]


def test_for_jenkins_it_is_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    print_for_ci("jenkins", COMBINATIONS)

    assert json.loads(capsys.readouterr().out) == [entry_of(c) for c in COMBINATIONS]


@pytest.mark.parametrize(("name", "out"), [("github", '{"include": []}\n'), ("jenkins", "[]\n")])
def test_nothing_chosen_is_an_empty_list(capsys: pytest.CaptureFixture[str], name: str, out: str) -> None:
    print_for_ci(name, [])

    assert capsys.readouterr().out == out


def test_the_order_is_the_matrixs_own_every_time(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        print_for_ci("jenkins", project().matrix.combinations)
    first, second = capsys.readouterr().out.splitlines()

    assert first == second
    assert [entry["id"] for entry in json.loads(first)] == [c.id for c in COMBINATIONS]


@pytest.mark.parametrize("name", ["gitlab", "GitHub", " github", "github,jenkins"])
def test_a_format_that_does_not_exist_is_one_sentence(name: str) -> None:
    with pytest.raises(UnknownFormatError) as caught:
        check_format(name)

    assert str(caught.value) == f"--format {name!r}: write github or jenkins"
    assert caught.value.exit_code == EXIT_USAGE


def test_a_format_beside_another_kind_of_output_is_refused() -> None:
    with pytest.raises(TwoOutputsError, match=r"^--format and --json exclude each other: use one of them$"):
        check_format("github", json=True, diff="")


def test_no_format_forbids_nothing() -> None:
    check_format("", json=True, diff="HEAD")
