from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.config.lock import Lock, LockedBase, LockedDriver, LockedFile, LockedKernel
from lifecycle.config.schema import ModuleType
from lifecycle.errors import ConfigurationError
from tests.support.builders.projects import lock
from tests.support.checkout import ROOT

words = st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
files = st.builds(LockedFile, name=words, version=words, origin=words, size=st.integers(0, 10**12), sha256=hexes)
several = st.lists(files, max_size=3)
locks = st.builds(
    Lock,
    kernels=st.dictionaries(
        words, st.builds(LockedKernel, declaration=hexes, release=words, version=words, headers=several)
    ),
    drivers=st.dictionaries(
        words,
        st.builds(
            LockedDriver,
            declaration=hexes,
            version=words,
            modules=st.dictionaries(st.sampled_from(ModuleType), several),
            userspace=several,
        ),
    ),
    bases=st.dictionaries(
        words,
        st.builds(LockedBase, declaration=hexes, packages=several)
        | st.builds(LockedBase, declaration=hexes, digest=words),
    ),
)


@given(locks)
def test_what_is_dumped_is_loaded_again(value: Lock) -> None:
    assert Lock.parse(value.dump(), file="versions.lock") == value


def test_a_dump_is_stable_and_has_one_line_a_file() -> None:
    text = lock().dump()

    assert Lock.parse(text, file="versions.lock").dump() == text
    assert sum(line.lstrip().startswith("- {name: ") for line in text.splitlines()) == len(list(lock().files()))


def test_an_absent_file_is_an_empty_lock(tmp_path: Path) -> None:
    assert Lock.load(tmp_path / "versions.lock") == Lock()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sha256: ", "sha256: zz", "sha256: 'zz"),
        ("format: 1", "format: 2", "format: input should be less than or equal to 1, found '2'"),
        ("kernels:", "kernel:", "kernel: unknown key; did you mean 'kernels'?"),
    ],
)
def test_a_damaged_file_names_line_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "versions.lock"
    path.write_text(lock().dump().replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        Lock.load(path)
    assert caught.value.problems[0].startswith("versions.lock:")
    assert said in caught.value.problems[0]


def test_the_projects_own_lock_names_no_address() -> None:
    own = Lock.load(ROOT / "versions.lock")

    assert own.kernels
    assert [file.origin for file in own.files() if "://" in file.origin] == []
