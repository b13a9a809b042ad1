from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from lifecycle.config.gitops import ValuesFiles
from lifecycle.gitops.settings import (
    ConflictingSettingsError,
    EditedFiles,
    MissingFileError,
    Setting,
    edit,
    initial_files,
    settings,
)
from lifecycle.yamledit.limits import limited_events

FILES = {
    "values/debian-12.yaml": "# twelve\ninstallers:\n- {driver: 535, tag: a}\n- {driver: 550, tag: b}\n",
    "values/debian-13.yaml": "# thirteen\ninstallers:\n- {driver: 535, tag: c}\n- {driver: 550, tag: d}\n",
}


def entry(
    file: str = "values/{release}.yaml", keys: str = "installers[driver={branch}].tag", **more: str
) -> ValuesFiles:
    return ValuesFiles.model_validate({"file": file, "set": {keys: "{tag}"}, **more})


def wanted(*entries: ValuesFiles, releases: tuple[str, ...] = ("debian-12", "debian-13")) -> list[Setting]:
    return settings(
        (each, f"{release}/k/{branch}", {"release": release, "branch": branch, "tag": f"{branch}-{release}"})
        for each in entries
        for release in releases
        for branch in ("535", "550")
    )  # fmt: skip


def test_each_combination_sets_its_own_key_in_its_own_file() -> None:
    edited = edit(wanted(entry()), FILES.get)

    assert edited.files["values/debian-13.yaml"] == (
        "# thirteen\ninstallers:\n- {driver: 535, tag: 535-debian-13}\n- {driver: 550, tag: 550-debian-13}\n"
    )
    first = edited.changes[0]
    assert (first.file, first.path, first.old, first.new) == (
        "values/debian-12.yaml", "installers[driver=535].tag", "a", "535-debian-12"
    )  # fmt: skip
    assert len(edited.changes) == 4


def test_all_keys_of_a_file_are_one_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(text: str, **options: Any) -> Iterator[Any]:  # noqa: ANN401 - the limits
        if text.count("\n") > 1:
            read.append(text)
        return limited_events(text, **options)

    monkeypatch.setattr("lifecycle.yamledit.events.limited_events", counted)
    text = "installers:\n" + "".join(f"- {{driver: {number}, tag: a}}\n" for number in (535, 550))
    edited = edit(wanted(entry(), releases=("debian-13",)), lambda _: text)

    assert len(edited.changes) == 2
    # Once for the places of both keys, and once for the check of the result.
    assert read == [text, *edited.files.values()]


def test_what_is_set_already_is_no_change() -> None:
    done = edit(wanted(entry()), FILES.get)

    assert edit(wanted(entry()), lambda name: done.files[name]) == EditedFiles(files={}, changes=())


def test_two_values_for_one_key_are_refused_with_who_wants_them() -> None:
    with pytest.raises(
        ConflictingSettingsError,
        match=r"debian-12/k/535 and debian-12/k/550 both set `tag` of .*debian-12.yaml: narrow it",
    ):
        wanted(entry(keys="tag"))


def test_the_same_value_for_one_key_is_one_setting() -> None:
    same = ValuesFiles.model_validate({"file": "f", "set": {"os": "debian"}})

    assert len(wanted(same)) == 1


def test_a_missing_file_is_named_with_what_could_be_copied() -> None:
    new = wanted(entry(), releases=("debian-14",))

    with pytest.raises(
        MissingFileError,
        match=r"^values/debian-14.yaml: the repository has no such file, .*, or let --create copy values/debian-13.yaml$",
    ):
        edit(new, FILES.get, existing=list(FILES))
    with pytest.raises(MissingFileError, match=r"add it, or correct the path in component.yaml$"):
        edit(new, FILES.get, existing=["values/other.yaml"], create=True)  # fmt: skip


def test_a_missing_file_is_copied_from_its_next_older_sibling() -> None:
    existing = [*FILES, "values/debian-15.yaml", "values/gardenlinux-99.yaml", "other/debian-13.yaml"]
    edited = edit(wanted(entry(), releases=("debian-14",)), FILES.get, existing=existing, create=True)

    assert edited.files["values/debian-14.yaml"].startswith(
        "# thirteen\ninstallers:\n- {driver: 535, tag: 535-debian-14}"
    )
    assert {c.old for c in edited.changes} == {None}


@pytest.mark.parametrize(
    ("file", "keys", "text", "copied"),
    [
        (
            "{release}.yaml",
            "installers[release={release},driver={branch}].tag",
            "installers:\n- {release: gl-1.9, driver: 535, tag: a}  # gl-1.9\n- {release: gl-1.9, driver: 550, tag: b}\n",
            "installers:\n- {release: gl-1.10, driver: 535, tag: 535-gl-1.10}  # gl-1.9\n"
            "- {release: gl-1.10, driver: 550, tag: 550-gl-1.10}\n",
        ),
        (
            "{osVersion}/{osVersion}.yaml",
            '[metadata.labels."example.org/os"=v{osVersion}].pools[name={branch}-{osVersion}].tag',
            "metadata: {labels: {example.org/os: v1.9}}\npools:\n- name: 535-1.9\n  tag: a\n- name: 550-1.9\n  tag: b\n",
            "metadata: {labels: {example.org/os: v1.10}}\npools:\n- name: 535-1.10\n  tag: 535-gl-1.10\n"
            "- name: 550-1.10\n  tag: 550-gl-1.10\n",
        ),
    ],
)
def test_items_of_the_older_release_are_those_of_the_new_one_in_a_copy(
    file: str, keys: str, text: str, copied: str
) -> None:
    names = {"release": "gl-1.10", "osVersion": "1.10"}
    older = file.format(release="gl-1.9", osVersion="1.9")
    pairs = [(f"c/{branch}", {**names, "branch": branch, "tag": f"{branch}-gl-1.10"}) for branch in ("535", "550")]
    new = settings((entry(file, keys), combination, values) for combination, values in pairs)
    edited = edit(new, {older: text}.get, existing=[older], create=True)

    assert edited.files == {file.format(**names): copied}


def test_a_new_repository_has_all_the_keys() -> None:
    keys = wanted(entry(), entry("all.yaml", 'a."b.c"[release={release},driver={branch}].d[0].e'))
    files = initial_files(keys)

    assert set(files) == {"values/debian-12.yaml", "values/debian-13.yaml", "all.yaml"}
    assert len(edit(keys, files.get).changes) == len(keys)
    assert [item["driver"] for item in yaml.safe_load(files["all.yaml"])["a"]["b.c"]] == ["535", "550", "535", "550"]
