import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from lifecycle.errors import InstallerError
from lifecycle.model.component import ModuleType
from lifecycle.model.lock import LockedDriver, LockedFile
from lifecycle.model.targets import Kind, Targets
from lifecycle.steps.package import NotADebError, Packager, disk_bytes, place_of, unpack_deb
from lifecycle.tools.archive import UnsafeArchiveError, manifest_of
from lifecycle.tools.store import Store, sha256_of
from tests.unit.builders import lock, locked_file, project

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
        ("sbin/nvidia-persistenced", "bin/nvidia-persistenced"),
        ("usr/lib/xorg/modules/drivers/nvidia_drv.so", None),
        ("usr/bin/folder/file", None),
        ("opt/usr/bin/nvidia-smi", None),
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


def real_deb(folder: Path, name: str, files: dict[str, str], links: dict[str, str]) -> Path:
    """A package as dpkg-deb makes it."""
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
    subprocess.run(["dpkg-deb", "--build", "-Zxz", root, folder / f"{name}.deb"], check=True, capture_output=True)
    return folder / f"{name}.deb"


def test_a_package_of_dpkgs_own_making_keeps_its_links_and_what_may_be_run(tmp_path: Path) -> None:
    made = real_deb(tmp_path, "p", {"usr/bin/tool": "1", "usr/lib/liba.so.1": "2"}, {"usr/lib/liba.so": "liba.so.1"})
    unpack_deb(made, FILE, tmp_path / "out")

    assert (tmp_path / "out/usr/bin/tool").stat().st_mode & 0o111
    assert (tmp_path / "out/usr/lib/liba.so").readlink() == Path("liba.so.1")
    # The package's own scripts are none of its files.
    assert not (tmp_path / "out/DEBIAN").exists()


def kept(store: Store, deb: Path) -> LockedFile:
    digest = sha256_of(deb)
    store.part(digest).write_bytes(deb.read_bytes())
    store.keep_blob(store.part(digest), digest)
    return LockedFile(name=deb.stem, version="1", origin=f"Debian/{deb.name}", size=deb.stat().st_size, sha256=digest)


def packager(store: Store, *userspace: LockedFile) -> Packager:
    drivers = lock().drivers
    changed = LockedDriver(**{**dict(drivers["550.163.01/amd64"]), "userspace": list(userspace)})
    now = project(lock=lock(drivers={**drivers, "550.163.01/amd64": changed}))
    return Packager(targets=Targets(now), store=store, threads=1)


def unpacked(archive: Path, folder: Path) -> dict[str, str]:
    folder.mkdir()
    subprocess.run(["tar", "--zstd", "-xf", archive, "-C", folder], check=True)
    return manifest_of(folder)


def test_user_space_is_what_belongs_on_the_node_of_all_packages_in_one_archive(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    place = "usr/lib/x86_64-linux-gnu/nvidia/current"
    libcuda = real_deb(
        tmp_path,
        "libcuda1",
        {f"{place}/libcuda.so.550.163.01": "cuda", "usr/share/doc/libcuda1/copyright": "c", "etc/init.d/x": "no"},
        {f"{place}/libcuda.so.1": "libcuda.so.550.163.01"},
    )
    smi = real_deb(tmp_path, "nvidia-smi", {"usr/lib/nvidia/current/nvidia-smi": "smi"}, {})
    hands = packager(store, kept(store, libcuda), kept(store, smi))
    combination = hands.targets.project.matrix().combinations[3]
    archive = hands.userspace(combination)

    assert sorted(archive.contents) == [
        "bin/nvidia-smi",
        "lib/libcuda.so.1",
        "lib/libcuda.so.550.163.01",
        "share/doc/libcuda1/copyright",
    ]
    assert archive.contents["lib/libcuda.so.1"] == "-> libcuda.so.550.163.01"
    assert unpacked(archive.path, tmp_path / "out") == archive.contents
    assert store.latest_inputs("userspace", "550.163.01/amd64") == hands.targets.userspace(combination).inputs
    assert list(store.tmp.glob("userspace-*")) == []


def test_the_room_that_files_need_is_counted_in_blocks_folders_and_links_included(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/one").write_bytes(b"1")
    (tmp_path / "lib/two").write_bytes(b"2" * 4097)
    (tmp_path / "lib/link").symlink_to("one")

    assert disk_bytes(tmp_path) == 4096 * (1 + 2 + 3 + 1)


def test_user_space_packed_again_is_the_same_bytes(tmp_path: Path) -> None:
    deb = real_deb(tmp_path, "tool", {"usr/bin/tool": "1", "usr/bin/other": "2"}, {})
    made = []
    for name in ("one", "two"):
        store = Store(tmp_path / name)
        hands = packager(store, kept(store, deb))
        made.append(hands.userspace(hands.targets.project.matrix().combinations[3]).path.read_bytes())

    assert made[0] == made[1]


def test_a_damaged_package_leaves_no_archive_behind(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    (tmp_path / "libcuda1.deb").write_text("not a package")
    hands = packager(store, kept(store, tmp_path / "libcuda1.deb"))
    combination = hands.targets.project.matrix().combinations[3]
    with pytest.raises(NotADebError, match="libcuda1 1 cannot be unpacked"):
        hands.userspace(combination)

    assert store.result(Kind.USERSPACE, hands.targets.userspace(combination).digest) is None
    assert list(store.tmp.iterdir()) == []


def test_modules_lie_where_depmod_looks_for_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    hands = packager(store)
    combination = hands.targets.project.matrix().combinations[3]
    compiled = hands.targets.modules(combination, ModuleType.OPEN)
    with store.making(Kind.MODULES, compiled.digest, {"modules": {"nvidia.ko": {"size": 2}}}) as folder:
        (folder / "nvidia.ko").write_bytes(b"ko")
        (folder / "kernel.symvers").write_bytes(b"not for the node")
    archive = hands.modules(combination, ModuleType.OPEN)

    assert list(archive.contents) == ["lib/modules/6.12.117-amd64/kernel/drivers/video/nvidia/nvidia.ko"]
    assert unpacked(archive.path, tmp_path / "out") == archive.contents
    assert (archive.about["module_type"], archive.about["modules"]) == ("open", {"nvidia.ko": {"size": 2}})


def test_modules_that_are_not_compiled_are_named_with_the_command_that_compiles_them(tmp_path: Path) -> None:
    hands = packager(Store(tmp_path))
    combination = hands.targets.project.matrix().combinations[3]
    with pytest.raises(
        InstallerError, match=r"6\.12\.117-amd64/550\.163\.01/open are not compiled\nRun `invoke compile`"
    ):
        hands.modules(combination, ModuleType.OPEN)
