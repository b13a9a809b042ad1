import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.integrity import Condition, check_input, check_result
from lifecycle.tools.archive import file_digests, write_tar_zst
from lifecycle.tools.digest import sha256_of

WHOLE = Condition()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Return the folder of a result that the cache has made in the usual way."""
    cache = Cache(tmp_path / "cache")
    with cache.making("modules", "d1", {"modules": {"a.ko": {"size": 3}}}) as folder:
        (folder / "a.ko").write_text("abc")
        (folder / "kernel.symvers").write_text("0x1 printk")
    return cache.root / "results/modules/d1"


def older(folder: Path, about: dict[str, object]) -> Path:
    """Write a result in the older format, which does not record the sha256 of its files."""
    folder.mkdir(exist_ok=True)
    (folder / "result.json").write_text(json.dumps(about))
    return folder


def archive(folder: Path, *, content: str = "content") -> Path:
    """Pack a folder with a symbolic link into a result's archive, and return that result, in the older format."""
    tree = folder / "tree"
    (tree / "lib").mkdir(parents=True)
    (tree / "lib/libcuda.so.1").write_text(content)
    (tree / "lib/libcuda.so").symlink_to("libcuda.so.1")
    result = older(folder / "result", {"contents": file_digests(tree)})
    write_tar_zst(tree, result / "archive.tar.zst", level=1, threads=1)
    return result


def test_an_input_is_what_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    sha256 = sha256_of(tmp_path / "file")

    assert check_input(tmp_path / "file", sha256) == WHOLE
    assert check_input(tmp_path / "file", "0" * 64) == Condition(problem=f"its sha256 is {sha256}")


def test_an_input_that_cannot_be_read_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    assert check_input(tmp_path / "folder", "0" * 64) == Condition(problem="folder cannot be read: Is a directory")


def test_a_result_is_what_was_made(made: Path) -> None:
    assert check_result(made) == WHOLE


@pytest.mark.parametrize(
    ("corrupt", "problem"),
    [
        (lambda made: (made / "a.ko").write_text("abd"), "a.ko is not as it was written"),
        (lambda made: (made / "a.ko").unlink(), "a.ko is missing"),
        (lambda made: (made / "kernel.symvers").write_text(""), "kernel.symvers is not as it was written"),
        (lambda made: (made / "b.ko").write_text(""), "b.ko is not listed in it"),
        (lambda made: (made / "result.json").unlink(), "result.json cannot be read"),
        (lambda made: (made / "result.json").write_text("{half"), "result.json cannot be read"),
    ],
)
def test_a_result_of_which_a_file_is_another_is_damaged(
    made: Path, corrupt: Callable[[Path], None], problem: str
) -> None:
    corrupt(made)

    assert check_result(made) == Condition(problem=problem)


def test_an_older_archive_is_verified_by_its_content(tmp_path: Path) -> None:
    assert check_result(archive(tmp_path)) == Condition(in_part=True)


def test_an_older_archive_of_other_content_is_damaged(tmp_path: Path) -> None:
    result = archive(tmp_path)
    (tmp_path / "other").mkdir()
    other = archive(tmp_path / "other", content="another")
    (other / "archive.tar.zst").replace(result / "archive.tar.zst")

    assert check_result(result) == Condition(problem="lib/libcuda.so.1 is not as it was written", in_part=True)


def test_an_older_archive_that_leads_a_link_elsewhere_is_damaged(tmp_path: Path) -> None:
    result = archive(tmp_path)
    about = json.loads((result / "result.json").read_text())
    about["contents"]["lib/libcuda.so"] = "-> libcuda.so.2"
    older(result, about)

    assert check_result(result).problem == "lib/libcuda.so is not as it was written"


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_an_older_archive_that_cannot_be_unpacked_is_damaged(tmp_path: Path, content: bytes | None) -> None:
    result = archive(tmp_path)
    path = result / "archive.tar.zst"
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)

    assert check_result(result).problem.startswith("archive.tar.zst cannot be unpacked: ")


def test_an_older_archive_that_is_not_there_is_damaged(tmp_path: Path) -> None:
    result = archive(tmp_path)
    (result / "archive.tar.zst").unlink()

    assert check_result(result).problem == "archive.tar.zst is missing"


@pytest.mark.parametrize(("size", "problem"), [(3, ""), (4, "a.ko is not as it was written")])
def test_older_modules_are_verified_by_their_sizes(made: Path, size: int, problem: str) -> None:
    older(made, {"modules": {"a.ko": {"size": size}}})

    assert check_result(made) == Condition(problem=problem, in_part=True)


@pytest.mark.parametrize("about", [{}, {"modules": 3}, {"contents": 3}, {"modules": {"a.ko": 3}}])
def test_whatever_an_older_result_says_is_looked_at_without_a_crash(made: Path, about: dict[str, object]) -> None:
    assert check_result(older(made, about)).in_part
