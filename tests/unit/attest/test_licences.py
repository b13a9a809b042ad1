import pytest

from lifecycle.attest.licences import joined, licence_expression

_FORMAT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"


def copyright_file(*licences: str) -> str:
    return _FORMAT + "".join(f"\nFiles: {n}\nCopyright: somebody\nLicense: {one}\n" for n, one in enumerate(licences))


@pytest.mark.parametrize(
    ("licence", "expression"),
    [
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-2", "GPL-2.0-only"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("GPL-2.0-only", "GPL-2.0-only"),
        ("GPL-3.0-or-later", "GPL-3.0-or-later"),
        ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
        ("Expat", "MIT"),
        ("bsd-3-clause", "BSD-3-Clause"),
        ("GPL-1+ or Artistic", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        ("GPL-2+ or Expat, and ISC", "(GPL-2.0-or-later OR MIT) AND ISC"),
        ("public-domain", "LicenseRef-Debian-public-domain"),
        ("GPL-3+ with Bison exception", "LicenseRef-Debian-GPL-3-with-Bison-exception"),
    ],
)
def test_debians_names_become_spdx_expressions(licence: str, expression: str) -> None:
    assert licence_expression(copyright_file(licence)) == expression


def test_the_licences_of_all_files_are_joined_once_each() -> None:
    assert licence_expression(copyright_file("GPL-2+", "ISC and GPL-2+", "ISC or Expat")) == (
        "GPL-2.0-or-later AND ISC AND (ISC OR MIT)"
    )


@pytest.mark.parametrize("text", ["", "This is the packaged version of gcc.", _FORMAT, "Format: x\n\nFiles"])
def test_a_file_in_another_form_is_not_guessed(text: str) -> None:
    assert licence_expression(text) == "NOASSERTION"


def test_nothing_is_no_assertion() -> None:
    assert joined([]) == "NOASSERTION"
