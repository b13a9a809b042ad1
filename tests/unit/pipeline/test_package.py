import gzip
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.errors import InstallerError
from lifecycle.pipeline.package import Packager, disk_bytes, read_supported_gpus
from lifecycle.pipeline.unpack import NotUnpackedError, Unpacker
from lifecycle.planning.targets import Kind, Targets
from lifecycle.tools.archive import file_digests
from lifecycle.tools.digest import sha256_of
from tests.support.builders.debs import real_deb
from tests.support.builders.projects import lock, project
from tests.support.checkout import ROOT
from tests.support.fakes.engine import FakeEngine


def kept(cache: Cache, deb: Path) -> LockedFile:
    digest = sha256_of(deb)
    cache.part(digest).write_bytes(deb.read_bytes())
    cache.keep_blob(cache.part(digest), digest)
    return LockedFile(name=deb.stem, version="1", origin=f"Debian/{deb.name}", size=deb.stat().st_size, sha256=digest)


def unpacker(cache: Cache) -> Unpacker:
    return Unpacker(root=ROOT, cache=cache, engine=FakeEngine(), base="none")


def packager(cache: Cache, *userspace: LockedFile) -> Packager:
    drivers = lock().drivers
    changed = LockedDriver(**{**dict(drivers["550.163.01/amd64"]), "userspace": list(userspace)})
    now = project(lock=lock(drivers={**drivers, "550.163.01/amd64": changed}))
    return Packager(targets=Targets(now), cache=cache, threads=1)


def unpacked(archive: Path, folder: Path) -> dict[str, str]:
    folder.mkdir()
    subprocess.run(["tar", "--zstd", "-xf", archive, "-C", folder], check=True)
    return file_digests(folder)


def test_user_space_is_the_nodes_part_of_all_packages_in_one_archive(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    place = "usr/lib/x86_64-linux-gnu/nvidia/current"
    libcuda = real_deb(
        tmp_path,
        "libcuda1",
        {f"{place}/libcuda.so.550.163.01": "cuda", "usr/share/doc/libcuda1/copyright": "c", "etc/init.d/x": "no"},
        {f"{place}/libcuda.so.1": "libcuda.so.550.163.01"},
    )
    smi = real_deb(tmp_path, "nvidia-smi", {"usr/lib/nvidia/current/nvidia-smi": "smi"}, {})
    hands = packager(cache, kept(cache, libcuda), kept(cache, smi))
    combination = hands.targets.project.matrix.combinations[3]
    archive = hands.userspace(combination, unpacker(cache))

    assert sorted(archive.contents) == [
        "bin/nvidia-smi",
        "lib/libcuda.so.1",
        "lib/libcuda.so.550.163.01",
        "share/doc/libcuda1/copyright",
    ]
    assert archive.contents["lib/libcuda.so.1"] == "-> libcuda.so.550.163.01"
    assert unpacked(archive.path, tmp_path / "out") == archive.contents
    assert cache.latest_inputs("userspace", "550.163.01/amd64") == hands.targets.userspace(combination).inputs
    assert list(cache.tmp.glob("userspace-*")) == []


@pytest.mark.parametrize(("mode", "packed"), [("4755", "0755"), ("6711", "0755"), ("1777", "0755"), ("0666", "0644")])
def test_a_tool_of_a_package_is_packed_without_its_special_modes(tmp_path: Path, mode: str, packed: str) -> None:
    cache, tool = Cache(tmp_path / "cache"), "usr/bin/nvidia-modprobe"
    deb = real_deb(tmp_path, "nvidia-modprobe", {tool: "1"}, {}, modes={tool: int(mode, 8), "usr/bin": 0o2755})
    hands = packager(cache, kept(cache, deb))
    archive = hands.userspace(hands.targets.project.matrix.combinations[3], unpacker(cache))
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "--zstd", "-xpf", archive.path, "-C", tmp_path / "out"], check=True)

    assert archive.modes == {"bin": "0755", "bin/nvidia-modprobe": packed}
    assert (tmp_path / "out/bin/nvidia-modprobe").stat().st_mode & 0o7777 == int(packed, 8)
    assert (tmp_path / "out/bin").stat().st_mode & 0o7777 == 0o755


def test_disk_space_is_counted_in_blocks_with_folders_and_links(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/one").write_bytes(b"1")
    (tmp_path / "lib/two").write_bytes(b"2" * 4097)
    (tmp_path / "lib/link").symlink_to("one")

    assert disk_bytes(tmp_path) == 4096 * (1 + 2 + 3 + 1)


def test_user_space_packed_again_is_the_same_bytes(tmp_path: Path) -> None:
    deb = real_deb(tmp_path, "tool", {"usr/bin/tool": "1", "usr/bin/other": "2"}, {})
    made = []
    for name in ("one", "two"):
        cache = Cache(tmp_path / name)
        hands = packager(cache, kept(cache, deb))
        combination = hands.targets.project.matrix.combinations[3]
        made.append(hands.userspace(combination, unpacker(cache)).path.read_bytes())

    assert made[0] == made[1]


GPUS = "usr/share/doc/nvidia-driver/supported-gpus.json"


def test_the_list_of_supported_gpus_is_recorded_with_the_archive(tmp_path: Path) -> None:
    cache, text = Cache(tmp_path / "cache"), '{"chips":[{"devid":"0x2330","features":["kernelopen"]}]}'
    folder = tmp_path / "gz"
    folder.mkdir()
    (folder / "list.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    assert read_supported_gpus(folder) == []
    (folder / "list.gz").rename(folder / "supported-gpus.json.gz")
    assert read_supported_gpus(folder) == ["2330 both"]
    hands = packager(cache, kept(cache, real_deb(tmp_path, "nvidia-driver", {GPUS: text}, {})))

    archive = hands.userspace(hands.targets.project.matrix.combinations[3], unpacker(cache))

    assert archive.supported_gpus == ["2330 both"]


@pytest.mark.parametrize(("name", "text"), [(GPUS, "<html>"), (f"{GPUS}.gz", "not packed")])
def test_an_unreadable_list_of_gpus_is_a_warning(tmp_path: Path, name: str, text: str) -> None:
    cache, warnings = Cache(tmp_path / "cache"), list[str]()
    deb = real_deb(tmp_path, "nvidia-driver", {name: text}, {})
    hands = replace(packager(cache, kept(cache, deb)), warn=warnings.append)

    archive = hands.userspace(hands.targets.project.matrix.combinations[3], unpacker(cache))

    assert archive.supported_gpus == []
    assert [warning.partition(": it")[0].partition(": Not")[0] for warning in warnings] == [
        "driver 550.163.01: supported-gpus.json is not in the known format"
    ]


def test_a_damaged_package_leaves_no_archive_behind(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    (tmp_path / "libcuda1.deb").write_text("not a package")
    hands = packager(cache, kept(cache, tmp_path / "libcuda1.deb"))
    combination = hands.targets.project.matrix.combinations[3]
    with pytest.raises(NotUnpackedError, match="libcuda1 1 cannot be unpacked"):
        hands.userspace(combination, unpacker(cache))

    assert cache.result(Kind.USERSPACE, hands.targets.userspace(combination).digest) is None
    assert list(cache.tmp.iterdir()) == []


def test_modules_lie_where_depmod_looks_for_them(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    hands = packager(cache)
    combination = hands.targets.project.matrix.combinations[3]
    compiled = hands.targets.modules(combination, ModuleType.OPEN)
    with cache.making(Kind.MODULES, compiled.digest, {"modules": {"nvidia.ko": {"size": 2}}}) as folder:
        (folder / "nvidia.ko").write_bytes(b"ko")
        (folder / "kernel.symvers").write_bytes(b"not for the node")
    archive = hands.modules(combination, ModuleType.OPEN)

    assert list(archive.contents) == ["lib/modules/6.12.117-amd64/kernel/drivers/video/nvidia/nvidia.ko"]
    assert archive.modes["lib/modules/6.12.117-amd64/kernel/drivers/video/nvidia/nvidia.ko"] == "0644"
    assert unpacked(archive.path, tmp_path / "out") == archive.contents
    assert (archive.about["module_type"], archive.about["modules"]) == ("open", {"nvidia.ko": {"size": 2}})


def test_the_error_for_uncompiled_modules_names_the_command_to_run(tmp_path: Path) -> None:
    hands = packager(Cache(tmp_path))
    combination = hands.targets.project.matrix.combinations[3]
    with pytest.raises(
        InstallerError, match=r"6\.12\.117-amd64/550\.163\.01/open are not compiled\nRun `invoke compile`"
    ):
        hands.modules(combination, ModuleType.OPEN)
