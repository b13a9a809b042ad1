from types import SimpleNamespace
from typing import cast

import nox
import pytest

import noxfile


@pytest.mark.parametrize(
    ("posargs", "words"),
    [
        ([], []),
        (["-k", "vermagic", "--junitxml=x.xml"], []),
        (["--only", "550"], ["--only=550"]),
        (["-x", "--only=debian-12/535,550", "-k", "not --only"], ["--only=debian-12/535,550"]),
    ],
)
def test_what_is_built_is_what_is_tested(posargs: list[str], words: list[str]) -> None:
    session = cast(nox.Session, SimpleNamespace(posargs=posargs))

    assert noxfile.selection(session) == words
