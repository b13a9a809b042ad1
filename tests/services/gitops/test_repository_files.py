"""Files of a real git repository that are not plain UTF-8 files: UTF-16, symbolic links."""

import subprocess
from pathlib import Path

import pytest

from lifecycle.config.gitops import GitOps
from lifecycle.gitops.deliver import CommitProposal, Deliverer
from lifecycle.gitops.git import remote
from lifecycle.gitops.repository_files import Files, LinkedFileError
from lifecycle.yamledit.key_path import KeyPath
from lifecycle.yamledit.values_file import ValuesFile
from tests.support.servers.git_server import Upstream, bare_repository

OURS = "nvidia-installer/values-1.0.0"


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return bare_repository(tmp_path / "upstream", {"values.yaml": "tag: old\n"})


@pytest.fixture
def person(upstream: Upstream) -> Path:
    """Return the clone of a person, whose changes `upstream.commit` pushes."""
    return upstream.path.with_name("person")


def make(files: Files) -> CommitProposal:
    text = files.read("values.yaml")
    assert text is not None
    edited = ValuesFile(text, "values.yaml").set(KeyPath.parse("tag"), "new").text
    return CommitProposal(files={"values.yaml": edited}, title="tag", body="")


def deliver(upstream: Upstream, scratch: Path) -> None:
    scratch.mkdir()
    values = [{"file": "values.yaml", "set": {"tag": "x"}}]
    section = GitOps.model_validate({"repository": upstream.address, "values": values})
    there = remote(upstream.address, {})
    Deliverer(remote=there, section=section, branch=OURS, scratch=scratch, say=lambda _: None).deliver(make)


def test_a_file_in_utf_16_stays_in_utf_16(upstream: Upstream, person: Path, tmp_path: Path) -> None:
    person.joinpath("values.yaml").write_bytes("\ufefftag: ü\r\n".encode("utf-16-le"))
    upstream.commit({}, "written by PowerShell")
    deliver(upstream, tmp_path / "scratch")

    show = ["git", "-C", str(upstream.path), "show", f"{OURS}:values.yaml"]
    written = subprocess.run(show, capture_output=True, check=True).stdout
    assert written == "\ufefftag: new\r\n".encode("utf-16-le")


def test_a_link_to_another_file_is_named(upstream: Upstream, person: Path, tmp_path: Path) -> None:
    person.joinpath("common.yaml").write_text("tag: old\n")
    person.joinpath("values.yaml").unlink()
    person.joinpath("values.yaml").symlink_to("common.yaml")
    upstream.commit({}, "one file for all")

    with pytest.raises(LinkedFileError, match=r"values\.yaml: it is a symbolic link to common\.yaml, .*: name common"):
        deliver(upstream, tmp_path / "scratch")
    assert upstream.branches() == ["main"]


def test_a_file_below_a_link_out_of_the_repository_is_not_written(
    upstream: Upstream, person: Path, tmp_path: Path
) -> None:
    person.joinpath("values.yaml").unlink()
    person.joinpath("values.yaml").symlink_to(tmp_path / "outside.yaml")
    (tmp_path / "outside.yaml").write_text("tag: old\n")
    upstream.commit({}, "a link out of the repository")

    with pytest.raises(LinkedFileError, match="a symbolic link out of the repository, to /"):
        deliver(upstream, tmp_path / "scratch")
    assert (tmp_path / "outside.yaml").read_text() == "tag: old\n"
