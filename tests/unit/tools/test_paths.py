import os
from pathlib import Path

import pytest

from lifecycle.cache.cache import default_cache_dir
from lifecycle.tools.paths import BadPathError, NoHomeError, expand

# No user of this machine: useradd(8) gives no such id.
STRANGER = 54_321_987


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    assert expand("~/cache", name="--cache-dir") == Path("/home/me/cache")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("~nosuch/x", "--cache-dir: '~nosuch/x': that user has no home folder here: write the path in full"),
        ("a\0b", r"--cache-dir: 'a\x00b': a path has no NUL: remove it"),
    ],
)
def test_a_path_that_cannot_be_one_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(BadPathError) as caught:
        expand(text, name="--cache-dir")

    assert (str(caught.value), caught.value.exit_code) == (said, 2)


def test_a_user_without_a_home_is_told_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: STRANGER)

    with pytest.raises(NoHomeError, match=r"no home folder for the cache: HOME is not set, .*: set HOME"):
        default_cache_dir({})
    assert default_cache_dir({"XDG_CACHE_HOME": "/c"}) == Path("/c/nvidia-installer")
