"""scripts/builder/plan-servers: which sources start alike, and so share a compiler that has read these lines."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.checkout import ROOT

SCRIPT = ROOT / "scripts/builder/plan-servers"


def plan(folder: Path, **sources: str) -> list[str]:
    """Return the lines of the plan for these sources, by their names without `.c`, and without the folder."""
    for name, text in sources.items():
        (folder / f"{name}.c").write_text(text)
    paths = [folder / f"{name}.c" for name in sources]
    done = subprocess.run([SCRIPT, *paths], text=True, check=True, capture_output=True)
    return done.stdout.replace(f"{folder}/", "").splitlines()


def test_sources_with_the_same_first_line_share_a_server(tmp_path: Path) -> None:
    assert plan(tmp_path, a='#include "x.h"\nint a;\n', b='#include "x.h"\nint b;\n') == [
        "server 0 1",
        "server 1 2 0 1 1 a.c",
        "source 1 2 a.c",
        "source 1 2 b.c",
    ]


def test_a_server_forks_from_the_one_that_has_read_less(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        a='#include "x.h"\n',
        b='#include "x.h"\n#include <y.h>\nint b;\n',
        c='#include "x.h"\n#include <y.h>\n',
    )

    assert found == [
        "server 0 1",
        "server 1 2 0 1 1 a.c",
        "server 2 2 1 2 2 b.c",
        "source 1 2 a.c",
        "source 2 3 b.c",
        "source 2 3 c.c",
    ]


def test_comments_and_spaces_make_no_difference(tmp_path: Path) -> None:
    first = '/* A file.\n * Two lines. */\n\n#include "x.h" // all of it\n#  define  FEW  1\nint a;\n'

    assert plan(tmp_path, a=first, b='#include /* here */ "x.h"\n#define FEW 1\nint b;\n') == [
        "server 0 1",
        "server 1 2 0 1 5 a.c",
        "source 1 6 a.c",
        "source 1 3 b.c",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "#if X",
        "#undef X",
        "#define X(a) a",
        "#define X a /* that",
        "#include MACRO",
        "#pragma once",
        "typedef int t;",
        '#include "y.h" \\',
    ],
)
def test_other_lines_end_the_start(line: str, tmp_path: Path) -> None:
    text = f'#include "x.h"\n{line}\n#include "z.h"\n'

    assert plan(tmp_path, a=text, b=text)[-1] == "source 1 2 b.c"


def test_a_source_that_starts_alone_has_no_server(tmp_path: Path) -> None:
    assert plan(tmp_path, a='#include "x.h"\n', b='#include "y.h"\n') == ["server 0 0"]


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from(["<x.h>", "<y.h>", "<z.h>"]), max_size=4)))
def test_each_server_serves_as_many_requests_as_name_it(
    tmp_path_factory: pytest.TempPathFactory, includes: dict[str, list[str]]
) -> None:
    sources = {name: "".join(f"#include {header}\n" for header in headers) for name, headers in includes.items()}
    lines = [line.split() for line in plan(tmp_path_factory.mktemp("plan"), **sources)]
    wanted = Counter(words[3] if words[0] == "server" else words[1] for words in lines if words[1] != "0")

    assert {words[1]: int(words[2]) for words in lines if words[0] == "server"} == {
        words[1]: wanted[words[1]] for words in lines if words[0] == "server"
    }
