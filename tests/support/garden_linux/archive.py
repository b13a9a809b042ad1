"""A signed archive with the layout of Garden Linux's. Its kernel headers are Debian's, under the names of a Garden Linux kernel.

The layout is that of gardenlinux/repo (`create_dist`, `download_pkgs`): a suite is a version, each file of the pool is in a folder
named by its sha256, and the suite has compressed lists and a signed InRelease, which states no Label and no Suite. Garden Linux's
real archive also has the kernel image; this one has headers only, as the containers of some sites do.
"""

import gzip
import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from tests.support.builders.apt_archive import Archive, gpg_environment, make_key

VERSION = "1592.10"
# The next version of the archive, which has the same kernel, as when only user space has changed.
NEXT = "1592.11"
PAGE = "versions.html"
LINUX = "6.12.60"
KERNEL = f"{LINUX}-cloud-amd64"
PACKAGE_VERSION = f"{LINUX}-1gl0~bp1592"
_META = f"""\
Package: linux-headers-cloud-amd64
Source: linux
Version: {PACKAGE_VERSION}
Architecture: amd64
Maintainer: a person <person@example.org>
Depends: linux-headers-{KERNEL} (= {PACKAGE_VERSION})
Description: headers of the newest kernel
"""


@dataclass(frozen=True)
class Renaming:
    """The old and the new texts: the part of the kernel release that all packages share, and the version of the packages."""

    pairs: Sequence[tuple[str, str]]

    def of(self, text: str) -> str:
        """Return a text with the new names."""
        for old, new in self.pairs:
            text = text.replace(old, new)
        return text


def make_garden_archive(folder: Path, home: Path, headers: Sequence[Path], kernel: str) -> Archive:
    """Make the archive in a new folder, of the packages of a Debian kernel's headers. `home` is gpg's home, with the keys."""
    home.chmod(0o700)
    version = subprocess.run(["dpkg-deb", "--field", headers[0], "Version"], check=True, capture_output=True, text=True)
    renaming = Renaming([(kernel.removesuffix("-cloud-amd64"), LINUX), (version.stdout.strip(), PACKAGE_VERSION)])
    made = folder / "made"
    made.mkdir(parents=True)
    for deb in headers:
        _repack(deb, made, renaming)
    _build_meta(made)
    for deb in made.glob("*.deb"):
        place = folder / "pool" / hashlib.sha256(deb.read_bytes()).hexdigest() / deb.name
        place.parent.mkdir(parents=True)
        deb.rename(place)
    made.rmdir()
    right, wrong = make_key(home, "right"), make_key(home, "wrong")
    for number in (VERSION, NEXT):
        _publish(folder, home, number)
    # All archives of the site share one pool.
    (folder / "gardenlinux/pool").symlink_to("../pool")
    (folder / "gardenlinux" / PAGE).write_text(f"<a>{VERSION}/</a> 2026-11-24 10:12 <a>{NEXT}/</a> 2026-11-28 09:30")
    return Archive(folder, right, wrong, VERSION)


def headers_of(archive: Archive) -> list[Path]:
    """Return the packages of the kernel's headers in the pool, without the metapackage."""
    return [deb for deb in sorted(archive.folder.glob("pool/*/*.deb")) if LINUX in deb.name.partition("_")[0]]


def _repack(deb: Path, into: Path, renaming: Renaming) -> None:
    """Write a package under its new names, in control fields, paths, links and texts; its programs stay as they are."""
    root = into / "root"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, root], check=True)
    (root / "DEBIAN/md5sums").unlink()
    patterns = [part for old, _ in renaming.pairs for part in ("--regexp", old)]
    found = subprocess.run(
        [
            "grep",
            "--recursive",
            "--files-with-matches",
            "--binary-files=without-match",
            "--fixed-strings",
            *patterns,
            root,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    for path in map(Path, found.stdout.splitlines()):
        path.write_bytes(renaming.of(path.read_bytes().decode("latin-1")).encode("latin-1"))
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_symlink():
            target = str(path.readlink())
            path.unlink()
            path.symlink_to(renaming.of(target))
        path.rename(path.with_name(renaming.of(path.name)))
    subprocess.run(["dpkg-deb", "--build", "-Zxz", "-z0", root, into], check=True, capture_output=True)
    shutil.rmtree(root)


def _build_meta(into: Path) -> None:
    root = into / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(_META)
    subprocess.run(["dpkg-deb", "--build", root, into], check=True, capture_output=True)
    shutil.rmtree(root)


def _publish(folder: Path, home: Path, number: str) -> None:
    suite = folder / "gardenlinux/dists" / number
    lines = []
    for architecture in ("all", "amd64", "arm64"):
        command = ["apt-ftparchive", "--arch", architecture, "packages", "pool"]
        packages = subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout
        index = suite / f"main/binary-{architecture}/Packages.gz"
        index.parent.mkdir(parents=True)
        index.write_bytes(gzip.compress(packages))
        for name, content in {index.stem: packages, index.name: index.read_bytes()}.items():
            place = f"main/binary-{architecture}/{name}"
            lines.append(f" {hashlib.sha256(content).hexdigest()} {len(content)} {place}\n")
    fields = {
        "Origin": "GardenLinux",
        "Codename": number,
        "Description": "a test",
        "Components": "main",
        "Architectures": "all amd64 arm64",
        "Date": formatdate(usegmt=True),
    }
    release = "".join(f"{name}: {value}\n" for name, value in fields.items()) + "SHA256:\n" + "".join(lines)
    sign = ["gpg", "--batch", "--clearsign", "--local-user", "right@example.org", "--output", str(suite / "InRelease")]
    subprocess.run(sign, input=release.encode(), env=gpg_environment(home), check=True, capture_output=True)
