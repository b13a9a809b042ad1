import hashlib
import os
from pathlib import Path

import pytest

from lifecycle.tools.store import Store, default_cache_dir, file_name

CONTENT = b"a package"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def keep(store: Store) -> Path:
    store.part(SHA256).write_bytes(CONTENT)
    return store.keep_blob(store.part(SHA256), SHA256)


def test_the_cache_is_where_xdg_says() -> None:
    assert default_cache_dir({"XDG_CACHE_HOME": "/x"}) == Path("/x/nvidia-installer")
    assert default_cache_dir({}) == Path.home() / ".cache/nvidia-installer"
    assert default_cache_dir({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache/nvidia-installer"


def test_a_kept_blob_is_there_also_for_the_next_process(store: Store) -> None:
    assert not store.has_blob(SHA256)
    keep(store)
    store.save_index()

    assert store.has_blob(SHA256)
    assert Store(store.root).has_blob(SHA256)


def test_a_damaged_blob_is_noticed_and_removed(store: Store) -> None:
    path = keep(store)
    store.save_index()
    path.chmod(0o644)
    path.write_bytes(b"b package")

    assert not Store(store.root).has_blob(SHA256)
    assert not path.exists()


def test_a_blob_nobody_can_vouch_for_is_hashed(store: Store) -> None:
    path = keep(store)
    os.utime(path, (1, 1))

    assert Store(store.root).has_blob(SHA256)


def test_a_result_has_its_files_and_what_was_said_of_it(store: Store) -> None:
    about: dict[str, object] = {"name": "x"}
    with store.making("modules", "d1", about) as folder:
        (folder / "nvidia.ko").write_bytes(b"ko")
        about["size"] = 2
    result = store.result("modules", "d1")

    assert result is not None
    assert result.about == {"name": "x", "size": 2, "files": {"nvidia.ko": hashlib.sha256(b"ko").hexdigest()}}
    assert result.file("nvidia.ko").read_bytes() == b"ko"
    assert list(store.tmp.iterdir()) == []


def test_a_result_knows_the_sha256_of_all_files_but_its_own_record(store: Store) -> None:
    with store.making("modules", "d1", {}) as folder:
        (folder / "sub").mkdir()
        (folder / "sub/file").write_bytes(CONTENT)
    result = store.result("modules", "d1")

    assert result is not None
    assert result.about["files"] == {"sub/file": SHA256}


def test_a_result_that_was_not_finished_never_gets_its_name(store: Store) -> None:
    def interrupted() -> None:
        with store.making("modules", "d1", {}) as folder:
            (folder / "nvidia.ko").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert store.result("modules", "d1") is None
    assert list(store.tmp.iterdir()) == []


def test_a_result_made_again_replaces_the_old_one(store: Store) -> None:
    for content in (b"1", b"2"):
        with store.making("modules", "d1", {}) as folder:
            (folder / "file").write_bytes(content)
    result = store.result("modules", "d1")

    assert result is not None
    assert result.file("file").read_bytes() == b"2"


def test_the_inputs_of_what_was_made_last_are_remembered_by_name(store: Store) -> None:
    assert store.latest_inputs("image", "debian-12/6.1/535") is None
    store.remember("image", "debian-12/6.1/535", {"a": "1"})
    store.remember("image", "debian-12/6.1/535", {"a": "2"})

    assert store.latest_inputs("image", "debian-12/6.1/535") == {"a": "2"}


def test_what_was_verified_once_is_not_read_again_by_the_next_process(store: Store) -> None:
    path = keep(store)
    store.save_index()
    stamp = path.stat()
    # The same size, time and inode: only who reads the bytes sees it.
    path.chmod(0o644)
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    assert Store(store.root).has_blob(SHA256)
    (store.root / "verified.json").unlink()
    assert not Store(store.root).has_blob(SHA256)


def test_a_scratch_folder_is_gone_after_its_block_however_that_ends(store: Store) -> None:
    def failing() -> None:
        with store.scratch("x") as folder:
            (folder / "sub").mkdir()
            raise KeyboardInterrupt

    with store.scratch("x") as one, store.scratch("x") as two:
        assert one != two
    with pytest.raises(KeyboardInterrupt):
        failing()
    assert list(store.tmp.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"{half", b"\xff\xfe", b"[]", b"null", b"3"])
def test_a_damaged_file_of_the_cache_costs_only_another_check(store: Store, damage: bytes) -> None:
    keep(store)
    with store.making("modules", "d1", {}):
        pass
    store.remember("modules", "name", {"a": "1"})
    for path in ("verified.json", "results/modules/d1/result.json", "latest/modules/name.json"):
        (store.root / path).write_bytes(damage)

    assert Store(store.root).has_blob(SHA256)
    assert store.result("modules", "d1") is None
    assert store.latest_inputs("modules", "name") is None


def test_a_part_of_a_download_is_no_blob(store: Store) -> None:
    store.part(SHA256).write_bytes(CONTENT)

    assert not store.has_blob(SHA256)
    assert Store(store.root).part(SHA256).read_bytes() == CONTENT


def test_a_blob_cannot_be_written_to_by_mistake(store: Store) -> None:
    assert keep(store).stat().st_mode & 0o777 == 0o444


def test_a_replaced_blob_of_the_same_size_and_time_is_checked_again(store: Store) -> None:
    path = keep(store)
    stamp = path.stat()
    other = store.tmp / "other"
    other.write_bytes(CONTENT[::-1])
    os.utime(other, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    other.replace(path)

    assert not store.has_blob(SHA256)
    assert not path.exists()


def test_names_of_targets_are_names_of_files_each_its_own(store: Store) -> None:
    names = [*(f"6.1.0-56-cloud-amd64/535.309.01/{module_type}" for module_type in ("open", "proprietary")), "RUNTIME"]

    assert [file_name(name) for name in names] == [
        "6.1.0-56-cloud-amd64_535.309.01_open",
        "6.1.0-56-cloud-amd64_535.309.01_proprietary",
        "RUNTIME",
    ]
    assert store.log("modules", names[0]) == store.root / "logs/modules/6.1.0-56-cloud-amd64_535.309.01_open.log"
    assert store.log("modules", names[0]).parent.is_dir()


def test_what_is_forgotten_is_made_anew(store: Store) -> None:
    with store.making("archive", "d1", {}):
        pass
    result = store.result("archive", "d1")
    assert result is not None
    store.forget_result(result)

    assert store.result("archive", "d1") is None
    assert not result.folder.exists()


def test_a_result_is_for_everybody_to_read(store: Store) -> None:
    with store.making("archive", "d1", {}) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700

    assert (store.root / "results/archive/d1").stat().st_mode & 0o777 == 0o755


def test_what_is_learnt_of_a_kernel_is_added_to_what_is_known_each_line_once(tmp_path: Path) -> None:
    store, new = Store(tmp_path / "cache"), tmp_path / "new"
    for lines in ("b yes\na no\n", "c no\nb yes\n", ""):
        new.write_text(lines)
        store.learn("kernel-6.1:1", new)

    assert store.answers("kernel-6.1:1").read_text() == "a no\nb yes\nc no\n"


def test_a_forgotten_blob_is_gone_and_nobody_vouches_for_it(store: Store) -> None:
    keep(store)
    store.save_index()
    store.forget_blob(SHA256)
    store.forget_blob(SHA256)
    store.save_index()

    assert not store.blob(SHA256).exists()
    assert SHA256 not in (store.root / "verified.json").read_text()


def test_a_result_is_never_there_in_part_while_it_goes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.making("archive", "d1", {}) as folder:
        (folder / "file").write_bytes(CONTENT)
    result = store.result("archive", "d1")
    assert result is not None
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    store.forget_result(result)

    assert not result.folder.exists()
    assert [path.name for path in store.tmp.rglob("file")] == ["file"]
