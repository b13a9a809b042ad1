"""A real signed APT archive, made by the test, with packages named like Debian's kernel and NVIDIA packages."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lifecycle.config.sources.package_sources import AptRepository

# Name, version, dependencies; Debian's metapackage of a flavour leads to the newest kernel's headers.
PACKAGES = [
    ("linux-headers-cloud-amd64", "6.1.192-2", "linux-base, linux-headers-6.1.0-56-cloud-amd64 (= 6.1.192-2)"),
    ("linux-headers-cloud-amd64", "6.1.176-1", "linux-headers-6.1.0-50-cloud-amd64 (= 6.1.176-1)"),
    (
        "linux-headers-6.1.0-56-cloud-amd64",
        "6.1.192-2",
        "linux-headers-6.1.0-56-common (= 6.1.192-2), linux-kbuild-6.1 (>= 6.1.192-2), linux-compiler-gcc-12-x86",
    ),
    ("linux-headers-6.1.0-50-cloud-amd64", "6.1.176-1", "linux-kbuild-6.1"),
    ("linux-headers-6.1.0-56-common", "6.1.192-2", ""),
    ("linux-kbuild-6.1", "6.1.192-2", ""),
    ("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2", ""),
    ("linux-image-6.1.0-56-cloud-amd64", "6.1.192-1", ""),
    # In parts, as Debian has packaged kernels since Linux 7.
    ("linux-image-6.1.0-50-cloud-amd64", "6.1.176-1", "linux-base, linux-binary-6.1.0-50-cloud-amd64 (= 6.1.176-1)"),
    ("linux-binary-6.1.0-50-cloud-amd64", "6.1.176-1", ""),
    ("linux-image-other-6.1.0-56-cloud-amd64", "6.1.192-1", ""),
    ("linux-base", "4.9", ""),
    ("linux-compiler-gcc-12-x86", "6.1.192-2", ""),
    ("nvidia-kernel-dkms", "535.261.03-1", ""),
    ("nvidia-kernel-dkms", "535.309.01-0+deb12u1", ""),
    ("nvidia-open-kernel-dkms", "535.261.03-1", ""),
    ("libcuda1", "535.309.01-0+deb12u1", "libc6"),
    ("libcuda1", "535.261.03-1", "libc6"),
    ("libc6", "1:2.36-9", ""),
    ("nvidia-modprobe", "535.161.07-1~deb12u1", ""),
]
FILES = {
    "libcuda1": ("usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.1", "usr/share/doc/libcuda1/copyright"),
    "nvidia-modprobe": ("usr/bin/nvidia-modprobe", "usr/share/man/man1/nvidia-modprobe.1.gz"),
}


@dataclass(frozen=True)
class Archive:
    """The archive's folder, the key that signs it, and another key that does not."""

    folder: Path
    keyring: Path
    wrong_keyring: Path
    suite: str = "stable"

    def armoured_key(self) -> str:
        """Return the right key as text (RFC 9580, 6.2)."""
        home = self.keyring.parent
        command = ["gpg", "--armor", "--export", "right@example.org"]
        done = subprocess.run(command, env=gpg_environment(home), check=True, capture_output=True, text=True)
        return done.stdout

    def repository(self, *, keyring: Path | None = None, uri: str = "") -> AptRepository:
        return AptRepository(
            uri=uri or f"file://{self.folder}",
            keyring=keyring or self.keyring,
            suite=self.suite,
            components=["main"],
        )


def make_archive(
    folder: Path, home: Path, packages: Sequence[tuple[str, str, str]] = PACKAGES, suite_name: str = "stable"
) -> Archive:
    """Make an archive in a folder, signed with a throw-away key; `home` is gpg's home and holds the keyrings."""
    home.chmod(0o700)
    (folder / "pool").mkdir()
    for name, version, depends in packages:
        make_deb(folder, name, version, depends)
    suite = folder / "dists" / suite_name
    index = suite / "main/binary-amd64"
    index.mkdir(parents=True)
    listed = subprocess.run(["apt-ftparchive", "packages", "pool"], cwd=folder, check=True, capture_output=True)
    (index / "Packages").write_bytes(listed.stdout)
    keyring, wrong = make_key(home, "right"), make_key(home, "wrong")
    write_release(suite, {"Suite": suite_name, "Components": "main"}, home)
    return Archive(folder, keyring, wrong, suite_name)


def make_flat_archive(folder: Path, home: Path, packages: Sequence[tuple[str, str, str]], label: str) -> None:
    """Make a flat archive like NVIDIA's in a new folder: its packages and its index beside each other."""
    (folder / "pool").mkdir(parents=True)
    for name, version, depends in packages:
        make_deb(folder, name, version, depends)
    for deb in (folder / "pool").iterdir():
        deb.rename(folder / deb.name)
    (folder / "pool").rmdir()
    shutil.rmtree(folder / "roots")
    listed = subprocess.run(["apt-ftparchive", "packages", "."], cwd=folder, check=True, capture_output=True)
    (folder / "Packages").write_bytes(listed.stdout)
    write_release(folder, {"Label": label}, home)


def write_release(suite: Path, about: Mapping[str, str], home: Path, extra: str = "") -> None:
    """Write the Release file of a suite anew, with `extra` lines, and sign it with the right key of a gpg home."""
    for name in ("Release", "InRelease"):
        (suite / name).unlink(missing_ok=True)
    fields = {"Label": "Test", "Architectures": "amd64", **about}
    options = [part for key, value in fields.items() for part in ("-o", f"APT::FTPArchive::Release::{key}={value}")]
    release = subprocess.run(["apt-ftparchive", *options, "release", suite], check=True, capture_output=True)
    (suite / "Release").write_text(extra + release.stdout.decode())
    sign = ["gpg", "--batch", "--clearsign", "--local-user", "right@example.org", "--output", "InRelease", "Release"]
    subprocess.run(sign, cwd=suite, env=gpg_environment(home), check=True, capture_output=True)


def end_agent(home: Path) -> None:
    """End the agent that gpg has started for a home."""
    subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=gpg_environment(home), check=True)


def make_deb(folder: Path, name: str, version: str, depends: str) -> None:
    """Make a package below `pool`, and its file tree below `roots`."""
    root = folder / "roots" / f"{name}_{version}"
    (root / "DEBIAN").mkdir(parents=True)
    for file in FILES.get(name, ()):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(f"{name} {version}")
    lines = [
        f"Package: {name}",
        f"Version: {version}",
        "Architecture: amd64",
        "Maintainer: a <a@b.c>",
        "Description: x",
    ]
    (root / "DEBIAN/control").write_text("\n".join([*lines, *([f"Depends: {depends}"] if depends else []), ""]))
    subprocess.run(["dpkg-deb", "--build", "-Znone", root, folder / "pool"], check=True, capture_output=True)


def make_key(home: Path, name: str) -> Path:
    """Make a throw-away key of NAME@example.org in a gpg home, and return its keyring."""
    env = gpg_environment(home)
    generate = ["gpg", "--batch", "--passphrase", "", "--quick-generate-key", f"{name}@example.org", "ed25519"]
    subprocess.run(generate, env=env, check=True, capture_output=True)
    keyring = home / f"{name}.gpg"
    export = subprocess.run(["gpg", "--export", f"{name}@example.org"], env=env, check=True, capture_output=True)
    keyring.write_bytes(export.stdout)
    return keyring


def gpg_environment(home: Path) -> Mapping[str, str]:
    """Return an environment in which gpg uses a home."""
    return {**os.environ, "GNUPGHOME": str(home)}
