import pytest

from lifecycle.cleanup.retention import Age, ItemKind, roles_in, roles_of
from lifecycle.errors import UsageError
from tests.support.builders.projects import lock


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("30m", 1800), ("12h", 43_200), ("30d", 2_592_000), ("4w", 2_419_200)],
)
def test_an_age_is_a_number_with_a_unit(text: str, seconds: int) -> None:
    assert Age.parse(text) == Age(seconds=seconds, text=text)


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "30 d", "30D", "1y", "1d2h", "9" * 20 + "d", "٣d"])
def test_anything_else_is_a_mistake_that_is_named(text: str) -> None:
    with pytest.raises(
        UsageError, match=r"^--older-than '.*' is no age: write a number and s, m, h, d or w, such as 30d$"
    ):
        Age.parse(text)


@pytest.mark.parametrize(("used", "kept"), [(41, True), (40, False), (0, False), (101, True)])
def test_what_was_used_within_an_age_stays(used: float, kept: bool) -> None:
    assert Age.parse("1m").keeps(used, now=100) == ("it was used within 1m" if kept else "")


def test_each_locked_file_plays_a_part() -> None:
    roles, locked = roles_of(lock()), lock()
    kernel, driver = locked.kernels["old-1/amd64"], locked.drivers["550.163.01/amd64"]
    files = {
        ItemKind.HEADERS: kernel.headers,
        ItemKind.KERNELS: kernel.image,
        ItemKind.SOURCES: [file for files in driver.modules.values() for file in files],
        ItemKind.USERSPACE: driver.userspace,
        ItemKind.BASES: locked.bases["RUNTIME"].packages,
    }

    assert {what: {roles[file.sha256] for file in of} for what, of in files.items()} == {what: {what} for what in files}
    assert roles.keys() == {file.sha256 for file in locked.files()}


def test_what_has_been_made_says_which_part_its_inputs_played() -> None:
    modules = {
        "kernel": {"linux-headers=1": "a"},
        "sources": {"nvidia=1": "b"},
        "patches": {"x.patch": "c"},
        "epoch": 1,
    }

    assert roles_in("modules", modules) == {"a": ItemKind.HEADERS, "b": ItemKind.SOURCES}
    assert roles_in("userspace", {"packages": {"libcuda1=1": "d"}}) == {"d": ItemKind.USERSPACE}
    assert roles_in("base", {"packages": {"gcc=1": "e"}}) == {"e": ItemKind.BASES}
    assert roles_in("base", {"packages": "damaged"}) == {}
