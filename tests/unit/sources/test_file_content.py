from pathlib import Path

import pytest

from lifecycle.sources.file_content import checksum_in, find_foreign_content

RUN, ARCHIVE, DEB = "NVIDIA-Linux-x86_64-580.105.08.run", "nvidia_driver-1-archive.tar.xz", "a_1_amd64.deb"
XZ = b"\xfd7zXZ\x00" + b"x" * 40 + b"YZ"
# The first lines of NVIDIA's own installers.
NVIDIA = b'#! /bin/sh\nskip=1022\nsize_decompress=1\nCRCsum=1\nMD5=2\nlabel="NVIDIA Accelerated Graphics Driver"\n'
SUM = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (RUN, NVIDIA + b"\x28\xb5\x2f\xfd"),
        (RUN, b"#!/bin/sh\n# This script was generated using Makeself 2.4.5\n"),
        (ARCHIVE, XZ),
        (ARCHIVE, XZ + b"\0" * 4),
        (DEB, b"!<arch>\ndebian-binary"),
        ("a.run.sha256sum", SUM.encode()),
        ("redistrib_1.json", b"{}"),
        ("other.bin", b"<xml>"),
    ],
)
def test_content_that_fits_its_name_is_accepted(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)

    assert find_foreign_content(tmp_path / "file", name) == ""


@pytest.mark.parametrize("name", [RUN, ARCHIVE, DEB, "a.run.sha256sum", "redistrib_1.json"])
@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><html><head><title> Sign\n in &amp; go </title>",
        b"\xef\xbb\xbf\r\n<HTML lang=en><TITLE>Sign in &amp; go</TITLE>",
        b'<?xml version="1.0"?>\n<!-- x --><html><title>Sign in &#38; go</title>',
    ],
)
def test_a_web_page_is_named_with_its_title(tmp_path: Path, name: str, page: bytes) -> None:
    (tmp_path / "file").write_bytes(page)

    assert find_foreign_content(tmp_path / "file", name) == "a web page ('Sign in & go')"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (RUN, b"", "an empty file"),
        (RUN, b"<html>", "a web page"),
        (RUN, b"#!/bin/sh\necho makeshift\n", "no installer: it lacks the header of makeself"),
        (RUN, b"\x7fELF makeself", "no installer: it lacks the header of makeself"),
        (RUN, b"Makeself", "no installer: it lacks the header of makeself"),
        (ARCHIVE, b"\x1f\x8b" + XZ, "no .xz archive"),
        (ARCHIVE, b"{}", "no .xz archive"),
        (ARCHIVE, XZ[:-2], "an incomplete .xz archive"),
        (DEB, b"PK", "no Debian package"),
    ],
)
def test_content_that_does_not_fit_its_name_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / "file").write_bytes(content)

    assert find_foreign_content(tmp_path / "file", name) == said


@pytest.mark.parametrize(
    "text",
    [
        f"{SUM}  {RUN}\n",
        f"{SUM.upper()} *{RUN}\r\n",
        SUM,
        f"SHA256 ({RUN}) = {SUM}\n",
        f"{'1' * 64}  other.run\n{SUM}  {RUN}\n",
        f"{SUM}  x\n{SUM.upper()}  y\n",
    ],
)
def test_each_form_of_a_checksum_is_read(text: str) -> None:
    assert checksum_in(text, RUN) == SUM


@pytest.mark.parametrize("text", ["", "404: Not Found", SUM[:-1], f"{SUM}0", f"{SUM}  a\n{'1' * 64}  b\n"])
def test_a_text_without_a_single_checksum_has_none(text: str) -> None:
    assert checksum_in(text, RUN) == ""
