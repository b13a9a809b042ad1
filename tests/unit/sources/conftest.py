"""A real signed APT archive, made on the spot, with packages named as Debian names the kernel's and NVIDIA's."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lifecycle.model.component import AptRepository

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


@dataclass(frozen=True)
class Archive:
    """The archive's folder, the key that signs it, and another key that does not."""

    folder: Path
    keyring: Path
    wrong_keyring: Path

    def repository(self, *, keyring: Path | None = None) -> AptRepository:
        return AptRepository(
            uri=f"file://{self.folder}", keyring=keyring or self.keyring, suite="stable", components=["main"]
        )


def deb(folder: Path, name: str, version: str, depends: str) -> None:
    root = folder / "root"
    (root / "DEBIAN").mkdir(parents=True, exist_ok=True)
    lines = [
        f"Package: {name}",
        f"Version: {version}",
        "Architecture: amd64",
        "Maintainer: a <a@b.c>",
        "Description: x",
    ]
    (root / "DEBIAN/control").write_text("\n".join([*lines, *([f"Depends: {depends}"] if depends else []), ""]))
    subprocess.run(["dpkg-deb", "--build", "-Znone", root, folder / "pool"], check=True, capture_output=True)


def key(home: Path, name: str) -> Path:
    env = gpg_environment(home)
    generate = ["gpg", "--batch", "--passphrase", "", "--quick-generate-key", f"{name}@example.org", "ed25519"]
    subprocess.run(generate, env=env, check=True, capture_output=True)
    keyring = home / f"{name}.gpg"
    export = subprocess.run(["gpg", "--export", f"{name}@example.org"], env=env, check=True, capture_output=True)
    keyring.write_bytes(export.stdout)
    return keyring


def gpg_environment(home: Path) -> Mapping[str, str]:
    return {**os.environ, "GNUPGHOME": str(home)}


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder, home = tmp_path_factory.mktemp("archive"), tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    (folder / "pool").mkdir()
    for name, version, depends in PACKAGES:
        deb(folder, name, version, depends)
    index = folder / "dists/stable/main/binary-amd64"
    index.mkdir(parents=True)
    packages = subprocess.run(["apt-ftparchive", "packages", "pool"], cwd=folder, check=True, capture_output=True)
    (index / "Packages").write_bytes(packages.stdout)
    suite = folder / "dists/stable"
    options = ["-o", "APT::FTPArchive::Release::Suite=stable", "-o", "APT::FTPArchive::Release::Label=Test"]
    options += [
        "-o",
        "APT::FTPArchive::Release::Architectures=amd64",
        "-o",
        "APT::FTPArchive::Release::Components=main",
    ]
    release = subprocess.run(["apt-ftparchive", *options, "release", suite], check=True, capture_output=True)
    (suite / "Release").write_bytes(release.stdout)
    keyring, wrong = key(home, "right"), key(home, "wrong")
    sign = ["gpg", "--batch", "--clearsign", "--local-user", "right@example.org", "--output", "InRelease", "Release"]
    subprocess.run(sign, cwd=suite, env=gpg_environment(home), check=True, capture_output=True)
    return Archive(folder, keyring, wrong)
