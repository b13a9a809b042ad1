import hashlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lifecycle.tools.digest import digest_of, digest_of_files, short

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_digest_is_the_same_in_all_runs() -> None:
    # Results in users' caches are named by it.
    assert digest_of({"b": [1, None, "ü"], "a": {"y": "2", "x": True}}) == (
        sha256(b'{"a":{"x":true,"y":"2"},"b":[1,null,"\\u00fc"]}')
    )


@given(st.dictionaries(st.text(), plain, max_size=5))
def test_the_order_of_keys_does_not_change_the_digest(value: dict[str, object]) -> None:
    assert digest_of(dict(reversed(value.items()))) == digest_of(value)


@given(st.lists(plain, max_size=4), plain)
def test_another_element_changes_the_digest(value: list[object], more: object) -> None:
    assert digest_of([*value, more]) != digest_of(value)


def test_numbers_and_their_texts_have_different_digests() -> None:
    assert len({digest_of(value) for value in (1, "1", [1], {"1": 1}, None, "None", True)}) == 7


def test_the_short_form_is_the_beginning_of_a_digest() -> None:
    assert short("0123456789abcdef0123") == "0123456789abcdef"


def tree(root: Path) -> Path:
    for name, content in {"a/x": "1", "a/sub/y": "2", "a/__pycache__/x.pyc": "3", "b": "4", "c": "5"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
        (root / name).chmod(0o644)
    return root


def test_digests_are_by_path_and_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    root = tree(tmp_path)

    assert digest_of_files(root, [root / "b", root / "a"]) == {
        "b": "-" + sha256(b"4"),
        "a/sub/y": "-" + sha256(b"2"),
        "a/x": "-" + sha256(b"1"),
    }


def test_content_and_executable_bit_change_the_digest_of_a_file(tmp_path: Path) -> None:
    root = tree(tmp_path)
    before = digest_of_files(root, [root])
    (root / "b").write_text("other")
    (root / "a" / "x").chmod(0o755)
    after = digest_of_files(root, [root])

    assert {name for name in before if before[name] != after[name]} == {"a/x", "b"}
    assert after["a/x"] == "x" + sha256(b"1")


def test_times_and_other_mode_bits_do_not_change_the_digest_of_a_file(tmp_path: Path) -> None:
    root = tree(tmp_path)
    before = digest_of_files(root, [root])
    (root / "b").touch()
    (root / "b").chmod(0o600)

    assert digest_of_files(root, [root]) == before


def test_a_missing_file_has_no_digest(tmp_path: Path) -> None:
    assert digest_of_files(tmp_path, [tmp_path / "gone"]) == {}
