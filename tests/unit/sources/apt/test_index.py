import hashlib
import shutil
from pathlib import Path

import pytest

from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptRepository
from lifecycle.sources.apt.index import (
    AptIndex,
    ArchiveUpdateError,
    KeyringNotFoundError,
    NoChecksumError,
    SuiteForbiddenError,
    SuiteNotFoundError,
)
from lifecycle.sources.apt.machine import MachineArchives
from lifecycle.sources.package_index import PackageNotFoundError
from lifecycle.tools.network.retries import RetryPolicy
from tests.support.builders.apt_archive import Archive, write_release
from tests.support.machines.apt_machine import make_apt_machine
from tests.support.servers.faulty_server import faulty_server
from tests.support.servers.file_server import file_server


def index_of(archive: Archive, root: Path, *, keyring: Path | None = None) -> AptIndex:
    return AptIndex(
        name="test",
        repositories=[archive.repository(keyring=keyring)],
        architecture=Architecture.AMD64,
        machine=MachineArchives(),
        root=root,
    )


@pytest.fixture(scope="module")
def index(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> AptIndex:
    return index_of(archive, tmp_path_factory.mktemp("apt"))


@pytest.mark.parametrize("attempts", [3, 2])
def test_a_busy_archive_is_waited_for_and_is_not_one_without_the_suite(tmp_path: Path, attempts: int) -> None:
    waits: list[float] = []
    keyring = tmp_path / "k.gpg"
    keyring.touch()
    with file_server() as server:
        server.script["/dists/x/InRelease"] = ["503", "404", "404"]
        server.script["/dists/x/Release"] = ["503", "404"]
        index = AptIndex(
            name="test",
            repositories=[AptRepository(uri=server.address, keyring=keyring, suite="x", components=["main"])],
            architecture=Architecture.AMD64,
            machine=MachineArchives(),
            root=tmp_path,
            policy=RetryPolicy(wait=waits.append, attempts=attempts),
        )
        said = "has no suite 'x'" if attempts == 3 else "the archive of test cannot be used"
        with pytest.raises((SuiteNotFoundError, ArchiveUpdateError), match=said):
            index.versions("a")

    assert len(waits) == attempts - 1


def test_versions_are_newest_first_in_debians_order(index: AptIndex) -> None:
    assert index.versions("nvidia-kernel-dkms") == ["535.309.01-0+deb12u1", "535.261.03-1"]
    assert index.versions("libc6") == ["1:2.36-9"]


def test_an_unknown_package_has_no_versions(index: AptIndex) -> None:
    assert index.versions("no-such-package") == []


def test_dependencies_are_those_of_the_exact_version(index: AptIndex) -> None:
    assert index.depends("linux-headers-cloud-amd64", "6.1.192-2") == [
        "linux-base",
        "linux-headers-6.1.0-56-cloud-amd64",
    ]
    assert index.depends("linux-headers-cloud-amd64", "6.1.176-1") == ["linux-headers-6.1.0-50-cloud-amd64"]


def test_a_located_file_has_the_size_and_hash_of_the_archives_file(index: AptIndex, archive: Archive) -> None:
    libcuda, libc = index.locate([("libcuda1", "535.309.01-0+deb12u1"), ("libc6", "1:2.36-9")])
    path = archive.folder / libcuda.origin.removeprefix(f"file://{archive.folder}/")

    assert (libcuda.name, libcuda.version, libc.version) == ("libcuda1", "535.309.01-0+deb12u1", "1:2.36-9")
    assert (libcuda.size, libcuda.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_closure_has_all_dependencies(index: AptIndex) -> None:
    assert [(file.name, file.version) for file in index.closure(["libcuda1"])] == [
        ("libc6", "1:2.36-9"),
        ("libcuda1", "535.309.01-0+deb12u1"),
    ]


@pytest.mark.parametrize(
    ("package", "version", "message"),
    [
        (
            "nvidia-kernel-dkms",
            "535.999-1",
            "does not carry nvidia-kernel-dkms 535.999-1: it has 535.309.01-0+deb12u1, 535.261.03-1",
        ),
        ("no-such-package", "1", "does not carry no-such-package 1: it has no version of it"),
    ],
)
def test_the_error_for_a_missing_version_lists_the_available_ones(
    index: AptIndex, package: str, version: str, message: str
) -> None:
    with pytest.raises(PackageNotFoundError) as caught:
        index.locate([(package, version)])
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_closure_of_an_unknown_package_is_an_error(index: AptIndex) -> None:
    with pytest.raises(PackageNotFoundError, match="does not carry no-such-package"):
        index.closure(["bash-but-not-quite", "no-such-package"][1:])


def test_an_archive_signed_by_another_key_is_refused(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(ArchiveUpdateError, match="the archive of test cannot be used") as caught:
        index_of(archive, tmp_path, keyring=archive.wrong_keyring).versions("libc6")
    assert "NO_PUBKEY" in str(caught.value)


def test_a_changed_index_is_refused(archive: Archive, tmp_path: Path) -> None:
    copy = Archive(tmp_path / "copy", archive.keyring, archive.wrong_keyring)
    shutil.copytree(archive.folder, copy.folder)
    packages = copy.folder / "dists/stable/main/binary-amd64/Packages"
    packages.write_text(packages.read_text().replace("libcuda1", "libcuda2"))

    with pytest.raises(ArchiveUpdateError, match="the archive of test cannot be used") as caught:
        index_of(copy, tmp_path / "apt").versions("libc6")
    assert "Hash Sum mismatch" in str(caught.value)


def test_the_machines_hooks_after_an_update_do_not_run(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make_apt_machine(tmp_path / "machine")
    hooks = {name: tmp_path / name for name in ("Pre-Invoke", "Post-Invoke", "Post-Invoke-Success")}
    machine.write("apt.conf.d/hooks", "".join(f'APT::Update::{n}:: "touch {p}";\n' for n, p in hooks.items()))
    monkeypatch.setenv("APT_CONFIG", machine.environ["APT_CONFIG"])
    index_of(archive, tmp_path / "apt").versions("libc6")

    # A hook before an update may renew a login.
    assert [name for name, path in hooks.items() if path.exists()] == ["Pre-Invoke"]


def test_an_archive_without_sha256_is_refused(archive: Archive, tmp_path: Path) -> None:
    copy = Archive(tmp_path / "copy", archive.keyring, archive.wrong_keyring)
    shutil.copytree(archive.folder, copy.folder)
    packages = copy.folder / "dists/stable/main/binary-amd64/Packages"
    lines = packages.read_text().splitlines(keepends=True)
    packages.write_text("".join(line for line in lines if not line.startswith("SHA")))
    write_release(packages.parents[2], {"Suite": "stable", "Components": "main"}, archive.keyring.parent)

    with pytest.raises(NoChecksumError, match="the archive of test states no SHA256 of libc6"):
        index_of(copy, tmp_path / "apt").locate([("libc6", "1:2.36-9")])


def test_a_keyring_that_does_not_exist_is_named_before_apt_runs(archive: Archive, tmp_path: Path) -> None:
    missing = tmp_path / "missing.gpg"
    with pytest.raises(
        KeyringNotFoundError, match=r"missing\.gpg, .* does not exist: install the archive's public key"
    ):
        index_of(archive, tmp_path / "apt", keyring=missing).versions("libc6")

    assert not (tmp_path / "apt").exists()


def test_a_suite_that_an_object_store_forbids_may_not_exist(archive: Archive, tmp_path: Path) -> None:
    with faulty_server() as server:
        server.script += ["403"] * 10
        repository = archive.repository(uri=f"{server.address}/gardenlinux")
        index = AptIndex(
            name="test",
            repositories=[repository],
            architecture=Architecture.AMD64,
            machine=MachineArchives(),
            root=tmp_path,
        )
        with pytest.raises(SuiteForbiddenError, match=r"/gardenlinux answers 403 .* for the suite 'stable'"):
            index.versions("libc6")
