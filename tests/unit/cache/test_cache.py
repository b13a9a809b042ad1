import hashlib
import os
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache, default_cache_dir, file_name

CONTENT = b"a package"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def keep(cache: Cache) -> Path:
    cache.part(SHA256).write_bytes(CONTENT)
    return cache.keep_blob(cache.part(SHA256), SHA256)


def test_the_cache_is_where_xdg_says() -> None:
    assert default_cache_dir({"XDG_CACHE_HOME": "/x"}) == Path("/x/nvidia-installer")
    assert default_cache_dir({}) == Path.home() / ".cache/nvidia-installer"
    assert default_cache_dir({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache/nvidia-installer"


def test_a_kept_blob_is_there_also_for_the_next_process(cache: Cache) -> None:
    assert not cache.has_blob(SHA256)
    keep(cache)
    cache.save_index()

    assert cache.has_blob(SHA256)
    assert Cache(cache.root).has_blob(SHA256)


def test_a_damaged_blob_is_noticed_and_removed(cache: Cache) -> None:
    path = keep(cache)
    cache.save_index()
    path.chmod(0o644)
    path.write_bytes(b"b package")

    assert not Cache(cache.root).has_blob(SHA256)
    assert not path.exists()


def test_a_blob_nobody_can_vouch_for_is_hashed(cache: Cache) -> None:
    path = keep(cache)
    os.utime(path, (1, 1))

    assert Cache(cache.root).has_blob(SHA256)


def test_a_result_has_its_files_and_what_was_said_of_it(cache: Cache) -> None:
    about: dict[str, object] = {"name": "x"}
    with cache.making("modules", "d1", about) as folder:
        (folder / "nvidia.ko").write_bytes(b"ko")
        about["size"] = 2
    result = cache.result("modules", "d1")

    assert result is not None
    assert result.about == {"name": "x", "size": 2, "files": {"nvidia.ko": hashlib.sha256(b"ko").hexdigest()}}
    assert result.file("nvidia.ko").read_bytes() == b"ko"
    assert list(cache.tmp.iterdir()) == []


def test_a_result_knows_the_sha256_of_all_files_but_its_own_record(cache: Cache) -> None:
    with cache.making("modules", "d1", {}) as folder:
        (folder / "sub").mkdir()
        (folder / "sub/file").write_bytes(CONTENT)
    result = cache.result("modules", "d1")

    assert result is not None
    assert result.about["files"] == {"sub/file": SHA256}


def test_a_result_that_was_not_finished_never_gets_its_name(cache: Cache) -> None:
    def interrupted() -> None:
        with cache.making("modules", "d1", {}) as folder:
            (folder / "nvidia.ko").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert cache.result("modules", "d1") is None
    assert list(cache.tmp.iterdir()) == []


def test_a_result_made_again_replaces_the_old_one(cache: Cache) -> None:
    for content in (b"1", b"2"):
        with cache.making("modules", "d1", {}) as folder:
            (folder / "file").write_bytes(content)
    result = cache.result("modules", "d1")

    assert result is not None
    assert result.file("file").read_bytes() == b"2"


def test_the_inputs_of_what_was_made_last_are_remembered_by_name(cache: Cache) -> None:
    assert cache.latest_inputs("image", "debian-12/6.1/535") is None
    cache.remember("image", "debian-12/6.1/535", {"a": "1"})
    cache.remember("image", "debian-12/6.1/535", {"a": "2"})

    assert cache.latest_inputs("image", "debian-12/6.1/535") == {"a": "2"}


def test_what_was_verified_once_is_not_read_again_by_the_next_process(cache: Cache) -> None:
    path = keep(cache)
    cache.save_index()
    stamp = path.stat()
    # The same size, time and inode: only who reads the bytes sees it.
    path.chmod(0o644)
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    assert Cache(cache.root).has_blob(SHA256)
    (cache.root / "verified.json").unlink()
    assert not Cache(cache.root).has_blob(SHA256)


def test_a_scratch_folder_is_gone_after_its_block_however_that_ends(cache: Cache) -> None:
    def failing() -> None:
        with cache.scratch("x") as folder:
            (folder / "sub").mkdir()
            raise KeyboardInterrupt

    with cache.scratch("x") as one, cache.scratch("x") as two:
        assert one != two
    with pytest.raises(KeyboardInterrupt):
        failing()
    assert list(cache.tmp.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"{half", b"\xff\xfe", b"[]", b"null", b"3"])
def test_a_damaged_file_of_the_cache_costs_only_another_check(cache: Cache, damage: bytes) -> None:
    keep(cache)
    with cache.making("modules", "d1", {}):
        pass
    cache.remember("modules", "name", {"a": "1"})
    for path in ("verified.json", "results/modules/d1/result.json", "latest/modules/name.json"):
        (cache.root / path).write_bytes(damage)

    assert Cache(cache.root).has_blob(SHA256)
    assert cache.result("modules", "d1") is None
    assert cache.latest_inputs("modules", "name") is None


def test_a_part_of_a_download_is_no_blob(cache: Cache) -> None:
    cache.part(SHA256).write_bytes(CONTENT)

    assert not cache.has_blob(SHA256)
    assert Cache(cache.root).part(SHA256).read_bytes() == CONTENT


def test_a_blob_cannot_be_written_to_by_mistake(cache: Cache) -> None:
    assert keep(cache).stat().st_mode & 0o777 == 0o444


def test_a_replaced_blob_of_the_same_size_and_time_is_checked_again(cache: Cache) -> None:
    path = keep(cache)
    stamp = path.stat()
    other = cache.tmp / "other"
    other.write_bytes(CONTENT[::-1])
    os.utime(other, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    other.replace(path)

    assert not cache.has_blob(SHA256)
    assert not path.exists()


def test_names_of_targets_are_names_of_files_each_its_own(cache: Cache) -> None:
    names = [*(f"6.1.0-56-cloud-amd64/535.309.01/{module_type}" for module_type in ("open", "proprietary")), "RUNTIME"]

    assert [file_name(name) for name in names] == [
        "6.1.0-56-cloud-amd64_535.309.01_open",
        "6.1.0-56-cloud-amd64_535.309.01_proprietary",
        "RUNTIME",
    ]
    assert cache.log("modules", names[0]) == cache.root / "logs/modules/6.1.0-56-cloud-amd64_535.309.01_open.log"
    assert cache.log("modules", names[0]).parent.is_dir()


def test_what_is_forgotten_is_made_anew(cache: Cache) -> None:
    with cache.making("archive", "d1", {}):
        pass
    result = cache.result("archive", "d1")
    assert result is not None
    cache.forget_result(result)

    assert cache.result("archive", "d1") is None
    assert not result.folder.exists()


def test_a_result_is_for_everybody_to_read(cache: Cache) -> None:
    with cache.making("archive", "d1", {}) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700

    assert (cache.root / "results/archive/d1").stat().st_mode & 0o777 == 0o755


def test_a_forgotten_blob_is_gone_and_nobody_vouches_for_it(cache: Cache) -> None:
    keep(cache)
    cache.save_index()
    cache.forget_blob(SHA256)
    cache.forget_blob(SHA256)
    cache.save_index()

    assert not cache.blob(SHA256).exists()
    assert SHA256 not in (cache.root / "verified.json").read_text()


def test_a_result_is_never_there_in_part_while_it_goes(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    with cache.making("archive", "d1", {}) as folder:
        (folder / "file").write_bytes(CONTENT)
    result = cache.result("archive", "d1")
    assert result is not None
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    cache.forget_result(result)

    assert not result.folder.exists()
    assert [path.name for path in cache.tmp.rglob("file")] == ["file"]
