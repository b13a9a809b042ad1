import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.tools.archive import (
    UnreadableArchiveError,
    UnsafeArchiveError,
    extract_safely,
    file_digests,
    pack,
    tar_bytes,
    unpack,
    write_tar,
    write_tar_zst,
)

names = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
trees = st.dictionaries(names, st.binary(max_size=50), min_size=1, max_size=6).filter(
    lambda tree: not any(a != b and b.startswith(f"{a}/") for a in tree for b in tree)
)


def make(folder: Path, tree: dict[str, bytes], *, mtime: int, reverse: bool) -> bytes:
    for name in sorted(tree, reverse=reverse):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tree[name])
        os.utime(path, (mtime, mtime))
    out = io.BytesIO()
    write_tar(folder, out)
    return out.getvalue()


@given(trees)
@settings(deadline=None)
def test_the_same_files_give_the_same_bytes_at_any_time_in_any_order(tree: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        first = make(Path(one), tree, mtime=1, reverse=False)
        second = make(Path(two), tree, mtime=10**9, reverse=True)

    assert first == second


@pytest.mark.parametrize("threads", [1, 2])
def test_a_packed_folder_is_the_same_bytes_with_any_number_of_threads(tmp_path: Path, threads: int) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_bytes(os.urandom(1000) * 500)
    write_tar_zst(tree, tmp_path / "one", level=9, threads=1)
    write_tar_zst(tree, tmp_path / "n", level=9, threads=threads)
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "--zstd", "-xf", tmp_path / "n", "-C", tmp_path / "out"], check=True)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "n").read_bytes()
    assert file_digests(tmp_path / "out") == file_digests(tree)


def hostile(**fields: object) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("link" if "linkname" in fields else str(fields["name"]))
        for key, value in fields.items():
            setattr(info, key, value)
        tar.addfile(info)
    out.seek(0)
    return out


@pytest.mark.parametrize(
    "stream",
    [
        hostile(name="../escaped"),
        hostile(name="/../../escaped"),
        hostile(name="a/../../escaped"),
        hostile(linkname="../../escaped", type=tarfile.SYMTYPE),
        hostile(linkname="/etc/passwd", type=tarfile.SYMTYPE),
        hostile(linkname="../escaped", type=tarfile.LNKTYPE),
        hostile(name="dev", type=tarfile.CHRTYPE),
    ],
    ids=["dotdot", "absolute", "inner dotdot", "symlink out", "absolute symlink", "hard link out", "device"],
)
def test_a_path_outside_the_archive_is_refused_and_not_written(tmp_path: Path, stream: io.BytesIO) -> None:
    inside = tmp_path / "in" / "side"
    inside.mkdir(parents=True)
    with pytest.raises(UnsafeArchiveError, match=r"bad\.deb contains '.*', a path outside the archive"):
        extract_safely(stream, inside, archive="bad.deb")

    assert [path.name for path in tmp_path.rglob("*")] == ["in", "side"]


def test_named_files_get_their_parent_folders(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"from a file")
    data = tar_bytes({"a/b/c": b"1", "a/d": tmp_path / "source"}, executables=["a/b/c"])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()

    assert [(m.name, m.mode, m.isdir()) for m in members] == [
        ("a", 0o755, True),
        ("a/b", 0o755, True),
        ("a/b/c", 0o755, False),
        ("a/d", 0o644, False),
    ]


def test_file_digests_have_the_digest_of_files_and_the_target_of_links(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("folder/file")

    assert file_digests(tmp_path) == {
        "folder/file": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "link": "-> folder/file",
    }
    shutil.rmtree(tmp_path / "folder")
    assert file_digests(tmp_path) == {"link": "-> folder/file"}


modes = st.sampled_from([(0o644, 0o755), (0o600, 0o700), (0o664, 0o775)])
OWNER = (12345, 54321) if os.geteuid() == 0 else (-1, -1)


@given(trees, modes, modes)
def test_the_same_files_give_the_same_bytes_for_any_owner_and_umask(
    tree: dict[str, bytes], one: tuple[int, int], two: tuple[int, int]
) -> None:
    results = []
    for (file_mode, folder_mode), owner in ((one, (-1, -1)), (two, OWNER)):
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), tree, mtime=1, reverse=False)
            for path in Path(name).rglob("*"):
                path.chmod(folder_mode if path.is_dir() else file_mode)
                os.chown(path, *owner)
            out = io.BytesIO()
            write_tar(Path(name), out)
            results.append(out.getvalue())

    assert results[0] == results[1]


def test_a_folder_packed_by_several_threads_is_the_same_bytes(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    # At level 1 a thread's share is 2 MiB (zstd's ZSTDMT_computeTargetJobLog with long-distance matching).
    (tree / "file").write_bytes(os.urandom(9_000_000) + b"repeated" * 200_000)
    for threads in (1, 2, 4):
        write_tar_zst(tree, tmp_path / str(threads), level=1, threads=threads)

    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes() == (tmp_path / "4").read_bytes()
    subprocess.run(["zstd", "--test", "--quiet", tmp_path / "4"], check=True)


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    extract_safely(hostile(name=str(outside)), tmp_path / "in", archive="bad.deb")

    assert not outside.exists()
    assert (tmp_path / "in" / str(outside).lstrip("/")).is_file()


def test_members_before_a_hostile_one_stay_inside_too(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        link = tarfile.TarInfo("folder")
        link.type, link.linkname = tarfile.SYMTYPE, "."
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("folder/../../escaped"))
    out.seek(0)
    with pytest.raises(UnsafeArchiveError, match="a path outside the archive"):
        extract_safely(out, tmp_path / "in", archive="bad.deb")

    assert not (tmp_path / "escaped").exists()


def test_packed_files_are_unpacked_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"content")
    pack({"a/b": tmp_path / "source"}, tmp_path / "packed.tar.zst")
    unpack(tmp_path / "packed.tar.zst", tmp_path / "out")

    assert (tmp_path / "out/a/b").read_bytes() == b"content"


def test_a_truncated_archive_is_reported_by_name(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(os.urandom(10_000))
    pack({"a": tmp_path / "source"}, tmp_path / "packed.tar.zst")
    os.truncate(tmp_path / "packed.tar.zst", 5_000)

    with pytest.raises(UnreadableArchiveError, match=r"packed\.tar\.zst is not a complete archive: "):
        unpack(tmp_path / "packed.tar.zst", tmp_path / "out")
