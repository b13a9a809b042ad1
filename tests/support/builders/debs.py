"""Debian packages made by the test, with dpkg-deb and by hand."""

import io
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path


def deb_of(tmp_path: Path, data: bytes) -> Path:
    """Make a package around any data.tar (deb(5))."""
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


def real_deb(
    folder: Path, name: str, files: dict[str, str], links: dict[str, str], *, modes: Mapping[str, int] | None = None
) -> Path:
    """Make a package with dpkg-deb. `modes` has the modes that differ from the usual, by path."""
    root = folder / name
    (root / "DEBIAN").mkdir(parents=True)
    control = f"Package: {name}\nVersion: 1\nArchitecture: amd64\nMaintainer: a <a@b.c>\nDescription: x\n"
    (root / "DEBIAN/control").write_text(control)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
        (root / path).chmod(0o755 if "bin/" in path else 0o644)
    for path, to in links.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(to)
    for path, mode in (modes or {}).items():
        (root / path).chmod(mode)
    subprocess.run(["dpkg-deb", "--build", "-Zxz", root, folder / f"{name}.deb"], check=True, capture_output=True)
    return folder / f"{name}.deb"
