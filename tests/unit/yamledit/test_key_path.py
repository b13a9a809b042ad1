import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.yamledit.key_path import Index, Key, KeyPath, Match

names = st.text(st.characters(exclude_characters='"[]', exclude_categories=["C"]), min_size=1)
bare = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_/-]*", fullmatch=True)
values = st.from_regex(r"[a-zA-Z0-9._+-]+", fullmatch=True)
segments = st.one_of(
    st.builds(Key, names),
    st.builds(Index, st.integers(0, 10**6)),
    st.builds(Match, st.lists(st.tuples(bare, values), min_size=1, max_size=3).map(tuple)),
)


def path(*parts: Key | Index | Match) -> KeyPath:
    return KeyPath(parts)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("image.tag", path(Key("image"), Key("tag"))),
        ('labels."example.org/driver"', path(Key("labels"), Key("example.org/driver"))),
        ("pools[0].name", path(Key("pools"), Index(0), Key("name"))),
        ("images[name=a.b].digest", path(Key("images"), Match((("name", "a.b"),)), Key("digest"))),
        ('x[release = debian-13, driver="550"]', path(Key("x"), Match((("release", "debian-13"), ("driver", "550"))))),
        ("labels.os-version", path(Key("labels"), Key("os-version"))),
        ("[1][2]", path(Index(1), Index(2))),
    ],
)
def test_a_path_is_read(text: str, parsed: KeyPath) -> None:
    assert KeyPath.parse(text) == parsed


@pytest.mark.parametrize(
    "text", ["", ".", "a.", ".a", "a..b", "a[", "a]", "a[b]", "a[=c]", "a.[0]", 'a"b"', "a[b=c,]", "a[0]b"]
)
def test_what_is_no_path_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a path of keys: .*images\[name=installer\]\.digest"):
        KeyPath.parse(text)


@given(st.lists(segments, min_size=1, max_size=6))
def test_a_path_is_read_back_as_it_is_written(parts: list[Key | Index | Match]) -> None:
    assert KeyPath.parse(str(KeyPath(tuple(parts)))) == KeyPath(tuple(parts))


def test_what_a_template_is_filled_with_is_never_split() -> None:
    template = KeyPath.parse("drivers.{driver}.images[release={release}].tag")
    filled = template.filled(lambda text: text.replace("{driver}", "550.163.01").replace("{release}", "debian-13"))

    assert filled.segments[1] == Key("550.163.01")
    assert str(filled) == 'drivers."550.163.01".images[release=debian-13].tag'
