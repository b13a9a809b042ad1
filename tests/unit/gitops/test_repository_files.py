"""Files of a clone: encodings, symbolic links and submodules."""

from pathlib import Path

import pytest

from lifecycle.config.gitops import NodePools
from lifecycle.gitops.bump_pools import _files
from lifecycle.gitops.repository_files import Files, LinkedFileError, NotTextError


def files(folder: Path, *more: str) -> Files:
    names = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return Files(folder, (*names, *more))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"])
def test_a_file_keeps_its_encoding_and_its_mark(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding.startswith("utf-16") else ""
    (tmp_path / "f.yaml").write_bytes(f"{mark}tag: ü old\r\n".encode(encoding))
    found = files(tmp_path)
    text = found.read("f.yaml")
    assert text is not None
    found.write("f.yaml", text.replace("old", "new"))

    assert (tmp_path / "f.yaml").read_bytes() == f"{mark}tag: ü new\r\n".encode(encoding)


@pytest.mark.parametrize("data", [b"tag: \xfc\n", b"\xff\xfet", b"\x00\xd8"])
def test_a_file_that_is_not_text_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f.yaml").write_bytes(data)

    with pytest.raises(NotTextError, match=r"f\.yaml: not UTF-8 text, nor UTF-16 with a byte order mark: correct"):
        files(tmp_path).read("f.yaml")


@pytest.mark.parametrize(
    ("link", "target", "path", "message"),
    [
        ("a/v.yaml", "../b/v.yaml", "a/v.yaml", "a/v.yaml: it is a symbolic link to b/v.yaml, which others may share: name b/"),
        ("a", "b", "a/v.yaml", "a/v.yaml: a is a symbolic link to b/v.yaml, which others may share: name b/v.yaml in"),
        ("a.yaml", "c.yaml", "a.yaml", "it is a symbolic link to c.yaml, which does not exist: name a file of the repository"),
        ("a.yaml", "/etc/passwd", "a.yaml", "it is a symbolic link out of the repository, to /etc/passwd: name a file"),
        ("x/a.yaml", "../../v.yaml", "x/a.yaml", "it is a symbolic link out of the repository, to ../../v.yaml: name"),
        ("a", "..", "a/new.yaml", "a/new.yaml: a is a symbolic link out of the repository, to ..: name a file"),
    ],
)  # fmt: skip
def test_a_link_is_named_with_its_target(tmp_path: Path, link: str, target: str, path: str, message: str) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/v.yaml").write_text("tag: old\n")
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(target)
    found = Files(tmp_path, ("b/v.yaml", link))

    with pytest.raises(LinkedFileError) as caught:
        found.read(path)
    assert message in str(caught.value)
    with pytest.raises(LinkedFileError):
        found.write(path, "tag: new\n")
    assert (tmp_path / "b/v.yaml").read_text() == "tag: old\n"


def test_a_submodule_is_named(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()

    with pytest.raises(LinkedFileError, match=r"vendor/v\.yaml: vendor is a submodule: name a file of this repository"):
        files(tmp_path, "vendor").read("vendor/v.yaml")


def test_of_files_that_a_pattern_matches_links_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_text("")
    (tmp_path / "current.yaml").symlink_to("prod.yaml")
    pools = NodePools.model_validate({"file": "*.yaml", "set": {"v": "{branch}"}})

    assert _files(files(tmp_path), pools) == ["prod.yaml"]
    assert _files(files(tmp_path), pools.model_copy(update={"file": "c*.yaml"})) == ["current.yaml"]
