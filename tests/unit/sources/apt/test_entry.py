from pathlib import Path

import pytest

from lifecycle.sources.apt.entry import architectures, carried_options, read_entry

SOURCES = """\
# The machine's mirror.

Enabled: no
Types: deb
URIs: http://a.example/

# A comment of its own.

# A comment of the stanza.
types: deb deb-src
URIs: http://b.example/ http://c.example/
Suites: x y
Components: main
# A comment in between.
signed-by: /a.gpg, /b.gpg
Check-Valid-Until: no
Architectures: amd64 i386
Languages-Add: de
Allow-Insecure: yes


Types: deb
URIs: http://d.example/
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQ==
 -----END PGP PUBLIC KEY BLOCK-----
Trusted: yes
"""
LIST = """\
# deb http://old.example/ x main

deb [ arch=amd64,arm64 lang-=de signed-by=/k.gpg check-valid-until=no trusted=yes by-hash=force ] http://a.example/ x main
deb http://b.example/ x main # [trusted=yes]
deb [valid-until-max=10 allow-insecure+=yes pdiffs="no" inrelease-path=foo/InRelease]http://c.example/ ./
"""


def options_of(folder: Path, name: str, text: str, number: int) -> dict[str, str]:
    (folder / name).write_text(text)
    return carried_options(read_entry(f"{folder / name}:{number}"))


@pytest.mark.parametrize(
    ("number", "options"),
    [
        (1, {}),
        (2, {"Signed-By": "/a.gpg, /b.gpg", "Check-Valid-Until": "no", "Allow-Insecure": "yes"}),
        (4, {}),
    ],
)
def test_a_stanza_has_the_options_of_the_entry_that_apt_names(
    tmp_path: Path, number: int, options: dict[str, str]
) -> None:
    assert options_of(tmp_path, "a.sources", SOURCES, number) == options


def test_a_key_in_a_stanza_keeps_its_lines(tmp_path: Path) -> None:
    options = options_of(tmp_path, "a.sources", SOURCES, 3)

    assert options["Trusted"] == "yes"
    assert options["Signed-By"].splitlines() == [
        "",
        " -----BEGIN PGP PUBLIC KEY BLOCK-----",
        " .",
        " mQ==",
        " -----END PGP PUBLIC KEY BLOCK-----",
    ]


@pytest.mark.parametrize(
    ("number", "options"),
    [
        (1, {}),
        (3, {"Signed-By": "/k.gpg", "Check-Valid-Until": "no", "Trusted": "yes", "By-Hash": "force"}),
        (4, {}),
        (
            5,
            {
                "Valid-Until-Max": "10",
                "Allow-Insecure-Add": "yes",
                "Pdiffs": "no",
                "Inrelease-Path": "foo/InRelease",
            },
        ),
        (9, {}),
    ],
)
def test_a_line_has_its_options_as_fields(tmp_path: Path, number: int, options: dict[str, str]) -> None:
    assert options_of(tmp_path, "a.list", LIST, number) == options


def test_a_file_that_is_gone_has_no_options(tmp_path: Path) -> None:
    assert read_entry(f"{tmp_path}/gone.sources:1") == {}


@pytest.mark.parametrize(
    ("name", "text", "number", "found"),
    [
        ("a.sources", SOURCES, 2, {"amd64", "i386"}),
        ("a.sources", SOURCES, 3, set()),
        ("a.list", LIST, 3, {"amd64", "arm64"}),
        ("a.list", LIST, 4, set()),
    ],
)
def test_an_entry_may_be_limited_to_some_architectures(
    tmp_path: Path, name: str, text: str, number: int, found: set[str]
) -> None:
    (tmp_path / name).write_text(text)

    assert architectures(read_entry(f"{tmp_path / name}:{number}")) == found
