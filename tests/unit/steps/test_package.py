import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from lifecycle.steps.package import NotADebError, place_of, unpack_deb
from lifecycle.tools.archive import UnsafeArchiveError
from tests.unit.builders import locked_file

FILE = locked_file("libcuda1", "535.309.01-1")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.535.309.01", "lib/libcuda.so.535.309.01"),
        ("usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.1", "lib/libcuda.so.1"),
        ("usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so", "lib/libcuda.so"),
        (
            "usr/lib/x86_64-linux-gnu/libnvidia-pkcs11-openssl3.so.550.163.01",
            "lib/libnvidia-pkcs11-openssl3.so.550.163.01",
        ),
        ("lib/firmware/nvidia/535.309.01/gsp_ga10x.bin", "lib/firmware/nvidia/535.309.01/gsp_ga10x.bin"),
        ("usr/lib/firmware/nvidia/550.163.01/gsp_tu10x.bin", "lib/firmware/nvidia/550.163.01/gsp_tu10x.bin"),
        ("usr/bin/nvidia-modprobe", "bin/nvidia-modprobe"),
        ("usr/sbin/nvidia-cuda-mps-server", "bin/nvidia-cuda-mps-server"),
        ("usr/lib/nvidia/current/nvidia-smi", "bin/nvidia-smi"),
        ("usr/lib/nvidia/current/nvidia-smi.1.gz", None),
        ("usr/share/doc/libcuda1/copyright", "share/doc/libcuda1/copyright"),
        ("usr/share/doc/libcuda1/changelog.gz", None),
        ("etc/OpenCL/vendors/nvidia.icd", "etc/OpenCL/vendors/nvidia.icd"),
        ("etc/init.d/nvidia-persistenced", None),
        ("usr/share/man/man1/nvidia-smi.1.gz", None),
    ],
)
def test_a_packages_file_goes_where_the_node_looks_for_it(path: str, place: str | None) -> None:
    assert place_of(path) == place


def deb_of(tmp_path: Path, data: bytes) -> Path:
    """A package around any data.tar (deb(5))."""
    for name, content in {"debian-binary": b"2.0\n", "control.tar": tar({}), "data.tar": data}.items():
        (tmp_path / name).write_bytes(content)
    subprocess.run(["ar", "rc", "p.deb", "debian-binary", "control.tar", "data.tar"], cwd=tmp_path, check=True)
    return tmp_path / "p.deb"


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_a_package_is_unpacked(tmp_path: Path) -> None:
    unpack_deb(deb_of(tmp_path, tar({"./usr/bin/tool": b"1"})), FILE, tmp_path / "out")

    assert (tmp_path / "out/usr/bin/tool").read_bytes() == b"1"


def test_a_file_that_is_no_package_is_named_with_dpkgs_own_words(tmp_path: Path) -> None:
    (tmp_path / "bad.deb").write_text("not a package")
    with pytest.raises(NotADebError, match=r"libcuda1 535\.309\.01-1 cannot be unpacked") as caught:
        unpack_deb(tmp_path / "bad.deb", FILE, tmp_path / "out")
    assert "dpkg-deb: error: " in str(caught.value)


def test_a_package_that_is_cut_off_is_named(tmp_path: Path) -> None:
    deb = deb_of(tmp_path, tar({"./usr/bin/tool": b"1" * 100_000}))
    deb.write_bytes(deb.read_bytes()[:50_000])
    with pytest.raises(NotADebError, match="cannot be unpacked"):
        unpack_deb(deb, FILE, tmp_path / "out")


def test_a_package_whose_files_lead_out_is_refused(tmp_path: Path) -> None:
    deb = deb_of(tmp_path, tar({"../escaped": b"1", "./filler": b"1" * 5_000_000}))
    with pytest.raises(UnsafeArchiveError, match=r"p\.deb holds '\.\./escaped', which leads out of it"):
        unpack_deb(deb, FILE, tmp_path / "out")
    assert not (tmp_path / "escaped").exists()
