import io
import tarfile
from pathlib import Path

import pytest

from lifecycle.pipeline.unpack import NotUnpackedError, unpack_deb
from lifecycle.tools.archive import UnsafeArchiveError
from tests.support.builders.debs import deb_of, real_deb, tar
from tests.support.builders.projects import locked_file

FILE = locked_file("libcuda1", "535.309.01-1")


def test_a_package_is_unpacked(tmp_path: Path) -> None:
    unpack_deb(deb_of(tmp_path, tar({"./usr/bin/tool": b"1"})), FILE, tmp_path / "out")

    assert (tmp_path / "out/usr/bin/tool").read_bytes() == b"1"


def test_a_file_that_is_no_package_is_named_with_dpkgs_own_words(tmp_path: Path) -> None:
    (tmp_path / "bad.deb").write_text("not a package")
    with pytest.raises(NotUnpackedError, match=r"libcuda1 535\.309\.01-1 cannot be unpacked") as caught:
        unpack_deb(tmp_path / "bad.deb", FILE, tmp_path / "out")
    assert "dpkg-deb: error: " in str(caught.value)


def test_a_package_that_is_cut_off_is_named(tmp_path: Path) -> None:
    deb = deb_of(tmp_path, tar({"./usr/bin/tool": b"1" * 100_000}))
    deb.write_bytes(deb.read_bytes()[:50_000])
    with pytest.raises(NotUnpackedError, match="cannot be unpacked"):
        unpack_deb(deb, FILE, tmp_path / "out")


def linked(target: str) -> bytes:
    """Return a tar with two files, a hard link to `target`, and then more data than a pipe holds."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("./usr/share/unwanted", "./usr/bin/tool"):
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"1"))
        link = tarfile.TarInfo("./usr/bin/other")
        link.type, link.linkname = tarfile.LNKTYPE, target
        archive.addfile(link)
        filler = tarfile.TarInfo("./usr/bin/filler")
        filler.size = 1_000_000
        archive.addfile(filler, io.BytesIO(bytes(filler.size)))
    return out.getvalue()


def test_a_hard_link_to_a_wanted_file_is_one(tmp_path: Path) -> None:
    deb = deb_of(tmp_path, linked("./usr/bin/tool"))
    unpack_deb(deb, FILE, tmp_path / "out", wanted=lambda path: path.startswith("usr/bin/"))

    assert (tmp_path / "out/usr/bin/other").samefile(tmp_path / "out/usr/bin/tool")


def test_a_hard_link_to_an_omitted_file_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    deb = deb_of(tmp_path, linked("./usr/share/unwanted"))
    with pytest.raises(NotUnpackedError, match="cannot be unpacked"):
        unpack_deb(deb, FILE, tmp_path / "out", wanted=lambda path: path.startswith("usr/bin/"))


def test_a_package_whose_files_lead_out_is_refused(tmp_path: Path) -> None:
    deb = deb_of(tmp_path, tar({"../escaped": b"1", "./filler": b"1" * 5_000_000}))
    with pytest.raises(UnsafeArchiveError, match=r"p\.deb contains '\.\./escaped', a path outside the archive"):
        unpack_deb(deb, FILE, tmp_path / "out")
    assert not (tmp_path / "escaped").exists()


def test_a_package_of_dpkgs_own_making_keeps_its_links_and_what_may_be_run(tmp_path: Path) -> None:
    made = real_deb(tmp_path, "p", {"usr/bin/tool": "1", "usr/lib/liba.so.1": "2"}, {"usr/lib/liba.so": "liba.so.1"})
    unpack_deb(made, FILE, tmp_path / "out")

    assert (tmp_path / "out/usr/bin/tool").stat().st_mode & 0o111
    assert (tmp_path / "out/usr/lib/liba.so").readlink() == Path("liba.so.1")
    # The package's own scripts are none of its files.
    assert not (tmp_path / "out/DEBIAN").exists()
