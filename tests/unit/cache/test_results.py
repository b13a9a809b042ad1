from pathlib import Path

import pytest

from lifecycle.cache.results import DamagedRecordError, Result, archive_of, missing_fields
from lifecycle.errors import InstallerError
from lifecycle.planning.targets import Kind

MODULES: dict[str, object] = {"modules": {"nvidia.ko": {"size": 1}}}
CONTENTS: dict[str, object] = {
    "contents": {"bin/tool": "abc"},
    "modes": {"bin/tool": "0755"},
    "unpacked_bytes": 4096,
}


def result(**about: object) -> Result:
    return Result(kind="archive", digest="d", folder=Path("/cache/results/archive/d"), about=about)


def test_a_stored_archive_is_its_file_and_what_is_in_it() -> None:
    archive = archive_of(result(**CONTENTS, driver="535"))

    assert archive.path == Path("/cache/results/archive/d/archive.tar.zst")
    assert (archive.contents, archive.modes) == ({"bin/tool": "abc"}, {"bin/tool": "0755"})
    assert archive.about["driver"] == "535"


@pytest.mark.parametrize(
    "about",
    [{}, {"contents": None, "unpacked_bytes": 1}, {"contents": ["bin/tool"], "unpacked_bytes": 1}, {"contents": {}}],
)
def test_an_archive_whose_notes_are_damaged_is_named_with_the_remedy(about: dict[str, object]) -> None:
    with pytest.raises(InstallerError, match=r"/cache/results/archive/d/result\.json is damaged") as caught:
        archive_of(result(**about))
    assert "Remove that folder and run again." in str(caught.value)


@pytest.mark.parametrize("about", [{}, {"modules": None}, {"modules": ["nvidia.ko"]}, {"modules": {"nvidia.ko": 1}}])
def test_a_record_without_its_modules_is_named_as_damaged(about: dict[str, object]) -> None:
    with pytest.raises(DamagedRecordError, match=r"/cache/results/archive/d/result\.json is damaged"):
        assert result(**about).modules


@pytest.mark.parametrize(
    ("kind", "about", "missing"),
    [
        (Kind.MODULES, MODULES, []),
        (Kind.MODULES, {"modules": {}}, ["modules"]),
        (Kind.SIGNED, {"modules": {"nvidia.ko": 1, "nvidia-drm.ko": 2}}, ["modules"]),
        (Kind.USERSPACE, CONTENTS, []),
        (Kind.USERSPACE, {"contents": {}, "modes": {}, "unpacked_bytes": 0}, ["contents", "modes", "unpacked_bytes"]),
        (Kind.ARCHIVE, {**CONTENTS, **MODULES}, []),
        (Kind.ARCHIVE, {}, ["contents", "modes", "unpacked_bytes", "modules"]),
    ],
)
def test_the_fields_that_a_record_lacks_are_named(kind: Kind, about: dict[str, object], missing: list[str]) -> None:
    assert missing_fields(kind, {"files": {"a": "sha256"}, **about}) == missing


@pytest.mark.parametrize("mode", ["4755", "2755", "1755", "0777", "0646", "755", "0755\n", 0o755])
def test_a_record_of_a_mode_that_packaging_does_not_write_is_damaged(mode: object) -> None:
    about = {"files": {"a": "sha256"}, **CONTENTS, "modes": {"bin/tool": mode}}

    assert missing_fields(Kind.USERSPACE, about) == ["modes"]


@pytest.mark.parametrize("about", [MODULES, {"files": {}, **MODULES}, {"files": ["a"], **MODULES}])
def test_a_shared_record_has_the_sha256_of_its_files(about: dict[str, object]) -> None:
    assert missing_fields(Kind.MODULES, about) == ["files"]
