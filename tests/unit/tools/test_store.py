import hashlib
import os
from pathlib import Path

import pytest

from lifecycle.tools.store import Store, default_cache_dir

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


def test_an_index_that_is_damaged_costs_only_another_look(store: Store) -> None:
    keep(store)
    store.save_index()
    (store.root / "verified.json").write_text("{")

    assert Store(store.root).has_blob(SHA256)


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
    assert result.about == {"name": "x", "size": 2}
    assert result.file("nvidia.ko").read_bytes() == b"ko"
    assert list(store.tmp.iterdir()) == []


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


def test_a_result_without_its_description_is_none(store: Store) -> None:
    with store.making("modules", "d1", {}):
        pass
    (store.root / "results/modules/d1/result.json").write_text("{half")

    assert store.result("modules", "d1") is None


def test_the_inputs_of_what_was_made_last_are_remembered_by_name(store: Store) -> None:
    assert store.latest_inputs("image", "debian-12/6.1/535") is None
    store.remember("image", "debian-12/6.1/535", {"a": "1"})
    store.remember("image", "debian-12/6.1/535", {"a": "2"})

    assert store.latest_inputs("image", "debian-12/6.1/535") == {"a": "2"}
