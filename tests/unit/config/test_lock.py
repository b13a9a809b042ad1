from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.config.lock import LIMITS, Lock, LockedBase, LockedDriver, LockedFile, LockedKernel
from lifecycle.config.schema import ModuleType
from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.limits import check_limits
from tests.support.builders.projects import lock, locked_file
from tests.support.checkout import ROOT

words = st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
names = words.map(lambda word: f"n{word.replace('/', '')}")
releases = st.from_regex(r"[0-9][A-Za-z0-9.+~-]{0,20}", fullmatch=True)
numbers = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}", fullmatch=True)
digests = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
hexes = st.text("0123456789abcdef", min_size=64, max_size=64)
files = st.builds(
    LockedFile,
    name=names,
    version=names,
    origin=st.builds("{}/{}".format, words, names),
    size=st.integers(0, 10**12),
    sha256=hexes,
)
several = st.lists(files, max_size=3)
locks = st.builds(
    Lock,
    kernels=st.dictionaries(
        words, st.builds(LockedKernel, declaration=hexes, release=releases, version=numbers, headers=several)
    ),
    drivers=st.dictionaries(
        words,
        st.builds(
            LockedDriver,
            declaration=hexes,
            version=numbers,
            modules=st.dictionaries(st.sampled_from(ModuleType), several),
            userspace=several,
        ),
    ),
    bases=st.dictionaries(
        words,
        st.builds(LockedBase, declaration=hexes, packages=several)
        | st.builds(LockedBase, declaration=hexes, digest=digests),
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
        (
            "format: 1",
            "format: 2",
            "format: the file has the format 2, which a newer version of this project writes: update",
        ),
        ("format: 1", "format: 0", "format: input should be greater than or equal to 1, found '0'"),
        (
            "release: 6.1.0-56-cloud-amd64",
            "release: ../../../../tmp/x",
            "kernels.old-1/amd64.release: '../../../../tmp/x' is",
        ),
        ("release: 6.1.0-56-cloud-amd64", "release: $(id)", "kernels.old-1/amd64.release: '$(id)' is nothing that"),
        ("version: 6.1.192", "version: 6.1.192-2", "kernels.old-1/amd64.version: '6.1.192-2' is nothing that"),
        (
            "version: 535.309.01",
            "version: newest",
            "drivers.535/amd64.version: 'newest' is nothing that `invoke fetch`",
        ),
        ("{name: linux-headers", "{name: ../linux-headers", "kernels.new-2/amd64.headers[0].name: '../linux-headers"),
        ("version: '1'", "version: 1 2", "version: '1 2' is nothing that"),
        ("_1.deb", "_1.deb/..", "origin: '..' is nothing that"),
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


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "=======", ">>>>>>> add-550"])
def test_a_conflict_marker_says_how_to_go_on(marker: str) -> None:
    text = lock().dump().replace("kernels:\n", f"kernels:\n{marker}\n")
    with pytest.raises(ConfigurationError) as caught:
        Lock.parse(text, file="versions.lock")

    assert caught.value.problems == (
        f"versions.lock:4:1: git's conflict marker {marker[:7]}: keep one side (`git checkout --theirs versions.lock`) "
        "and run `invoke fetch`, which resolves the rest",
    )


def test_a_newer_format_is_named_even_beside_unknown_keys() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Lock.parse(lock().dump().replace("format: 1", "format: 2\nfirmware: {}"), file="versions.lock")

    (problem,) = caught.value.problems
    assert problem.endswith("which a newer version of this project writes: update this checkout")


def test_a_lock_of_a_hundred_releases_is_within_the_limits() -> None:
    packages = [locked_file(f"package-{number}") for number in range(300)]
    bases = {f"BUILDER_{number}": LockedBase(declaration="d", packages=packages) for number in range(100)}

    check_limits(Lock(bases=bases).dump(), file="versions.lock", limits=LIMITS)
