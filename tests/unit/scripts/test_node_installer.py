"""The node's `nvidia-installer` on a host that is a folder. Archives and tools are real; the kernel's side is made of stubs.

PATH holds only what the image contains, so a script that came to need anything else would fail here.
"""

import fcntl
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

NODE = Path(__file__).parents[3] / "scripts/node"
KERNEL = "6.12.117+deb13-cloud-amd64"
DRIVER = "550.163.01"
NAME = f"{DRIVER}-{KERNEL}"
OLD_DRIVER = "535.309.01"
OLD_NAME = f"{OLD_DRIVER}-{KERNEL}"
MODULES = ("nvidia", "nvidia-uvm", "nvidia-modeset", "nvidia-drm", "nvidia-peermem")
LOADED = {"nvidia", "nvidia_modeset", "nvidia_drm", "nvidia_uvm"}
MODULE_FOLDER = f"lib/modules/{KERNEL}/kernel/drivers/video/nvidia"

READING = (
    "bash",
    "cat",
    "df",
    "env",
    "flock",
    "grep",
    "ls",
    "readlink",
    "realpath",
    "sed",
    "sha256sum",
    "tail",
    "zstd",
)
WRITING = ("depmod", "ln", "mkdir", "mv", "rm", "sync", "tar")

UNAME = f'case $1 in -r) echo "${{KERNEL:-{KERNEL}}}" ;; -m) echo "${{MACHINE:-x86_64}}" ;; esac'
# Like the kernel's side of modprobe: what is loaded shows up in sysfs. nvidia-peermem never loads on a stock kernel.
MODPROBE = f"""\
[ "$1" = -d ] && [ -f "$2/lib/modules/{KERNEL}/modules.dep" ] || exit 1
case " nvidia-peermem ${{REFUSED:-}} " in
  *" $3 "*) echo "modprobe: ERROR: could not insert '$3': Invalid argument" >&2; exit 1 ;;
esac
folder=$SYSFS_ROOT/module/$(echo "$3" | tr - _)
mkdir "$folder"
[ "$3" != nvidia ] || echo {DRIVER} >"$folder/version"
"""
DMESG = """\
echo '[    1.0] Booting'
echo '[    2.0] nvidia: disagrees about version of symbol module_layout'
"""


def executable(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@dataclass(frozen=True, kw_only=True)
class Node:
    """A host, the image of a container on it, and the one folder on PATH; every call of a stub is a line of `calls`."""

    folder: Path
    modules: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def image(self) -> Path:
        return self.folder / "image"

    @property
    def host(self) -> Path:
        return self.folder / "host"

    @property
    def store(self) -> Path:
        return self.host / "opt/nvidia"

    @property
    def sysfs(self) -> Path:
        return self.folder / "sys"

    @property
    def firmware_path(self) -> Path:
        return self.sysfs / "module/firmware_class/parameters/path"

    @property
    def programs(self) -> Path:
        return self.folder / "bin"

    def stub(self, name: str, body: str) -> None:
        (self.programs / name).unlink(missing_ok=True)
        call = f'echo "{name} $*" >>{shlex.quote(str(self.folder / "calls"))}'
        executable(self.programs / name, f"{call}\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n{body}")

    def calls(self, name: str) -> list[str]:
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]

    def env(self) -> dict[str, str]:
        return {
            "PATH": str(self.programs),
            "NVIDIA_INSTALLER_HOME": str(self.image),
            "HOST_ROOT": str(self.host),
            "SYSFS_ROOT": str(self.sysfs),
            **self.environment,
        }

    def run(self, *arguments: str, program: Path = NODE / "nvidia-installer") -> subprocess.CompletedProcess[str]:
        command = [program, *arguments]
        # A session of its own, so that a stub can kill the whole run and nothing but the run.
        return subprocess.run(
            command, env=self.env(), capture_output=True, text=True, check=False, start_new_session=True
        )

    def installs(self, *arguments: str) -> str:
        """Install, which has to succeed; return what was said."""
        done = self.run("install", *arguments)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        return done.stderr

    def tree(self) -> dict[str, object]:
        """What the host and the kernel hold: each path's mode, and its content or target."""
        return {path: (mode, content) for path, (mode, content, _) in self.stat().items()}

    def stat(self) -> dict[str, tuple[int, object, tuple[int, ...]]]:
        """The same with what tells an untouched file from one that was written again."""
        return {name: value for root in (self.host, self.sysfs) for name, value in describe(root, self.folder)}


def describe(root: Path, base: Path) -> Iterator[tuple[str, tuple[int, object, tuple[int, ...]]]]:
    for path in (root, *sorted(root.rglob("*"))):
        info = path.lstat()
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        yield str(path.relative_to(base)), (info.st_mode, content, (info.st_ino, info.st_mtime_ns, info.st_ctime_ns))


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The five modules, small but real enough for depmod: ELF files, of which the others need a symbol of nvidia."""
    folder = tmp_path_factory.mktemp("modules")
    for module in MODULES:
        info = f'__attribute__((section(".modinfo"), used)) static const char info[] = "name={module.replace("-", "_")}";\n'
        exports = '__attribute__((section("__ksymtab_strings"), used)) static const char name[] = "nv_symbol";\n'
        needs = "extern int nv_symbol(void);\nint call(void) { return nv_symbol(); }\n"
        source = folder / f"{module}.c"
        source.write_text(info + (exports if module == "nvidia" else needs))
        subprocess.run(["gcc", "-c", source, "-o", source.with_suffix(".ko")], check=True)
        source.unlink()
    return folder


def archive(folder: Path, out: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    subprocess.run(["tar", "--create", "--zstd", "--file", out, "--directory", folder, *names], check=True)


def make_image(node: Node, *, driver: str = DRIVER, library: bytes = b"ELF") -> None:
    """Replace the node's image by one of this driver."""
    shutil.rmtree(node.image, ignore_errors=True)
    trees = node.image / "trees"
    user = trees / "userspace"
    for folder in ("bin", "share", f"lib/firmware/nvidia/{driver}"):
        (user / folder).mkdir(parents=True)
    executable(user / "bin/nvidia-smi", f"echo {driver}")
    (user / "share/LICENSE").write_text("…")
    (user / f"lib/libcuda.so.{driver}").write_bytes(library)
    (user / "lib/libcuda.so.1").symlink_to(f"libcuda.so.{driver}")
    (user / f"lib/firmware/nvidia/{driver}/gsp_ga10x.bin").write_bytes(b"firmware")
    archive(user, node.image / "userspace.tar.zst")
    for kind in ("proprietary", "open"):
        shutil.copytree(node.modules, trees / kind / MODULE_FOLDER)
        (trees / kind / MODULE_FOLDER / "type").write_text(kind)
        archive(trees / kind, node.image / f"modules-{kind}.tar.zst")
    shutil.rmtree(trees)
    write_manifests(node.image, DRIVER_VERSION=driver)


def write_manifests(image: Path, **changes: str) -> None:
    values = {
        "DRIVER_VERSION": DRIVER,
        "KERNEL_RELEASE": KERNEL,
        "ARCHITECTURE": "amd64",
        "OS_RELEASE": "debian-13",
        "MODULE_TYPES": "proprietary open",
        "IMAGE_TAG": "550.163.01-6.12.117-deb13-cloud-amd64-debian-13",
        **changes,
    }
    (image / "manifest.env").write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    (image / "manifest.json").write_text(str(values))


@pytest.fixture
def node(tmp_path: Path, modules: Path) -> Node:
    """A node on which everything is as it should be, and no driver."""
    made = Node(folder=tmp_path, modules=modules)
    for folder in (made.programs, made.host / "etc", made.host / "run", made.host / "opt", made.firmware_path.parent):
        folder.mkdir(parents=True)
    made.firmware_path.write_text("\n")
    (made.host / "etc/os-release").write_text('ID=debian\nVERSION_ID="13"\n')
    for name in (*READING, *WRITING):
        found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
        assert found, name
        (made.programs / name).symlink_to(found)
    for name, body in {"uname": UNAME, "modprobe": MODPROBE, "dmesg": DMESG, "id": "echo ${USER_ID:-0}"}.items():
        made.stub(name, body)
    make_image(made)
    return made


def test_install_puts_the_driver_on_the_host_makes_it_current_and_loads_it(node: Node) -> None:
    said = node.installs()
    current = node.store / "current"
    assert current.readlink() == Path(NAME)
    assert (current / "lib/libcuda.so.1").read_bytes() == b"ELF"
    assert os.access(current / "bin/nvidia-smi", os.X_OK)
    assert (current / MODULE_FOLDER / "type").read_text() == "proprietary"
    assert {path.name for path in (node.sysfs / "module").iterdir()} == {"firmware_class", *LOADED}
    assert node.firmware_path.read_text() == f"/opt/nvidia/{NAME}/lib/firmware"
    assert said.endswith(f"nvidia-installer: driver {NAME} (proprietary) is installed in /opt/nvidia\n")
    assert all(line.startswith("nvidia-installer: ") for line in said.splitlines())


def test_nothing_but_the_driver_is_left_on_the_host(node: Node) -> None:
    before = node.tree()
    node.installs()
    added = node.tree().keys() - before.keys()
    assert {name for name in added if name.startswith("host/") and NAME not in name} == {
        "host/opt/nvidia",
        "host/opt/nvidia/current",
    }


def test_the_real_modprobe_finds_the_modules_and_their_order(node: Node) -> None:
    node.installs()
    command = ["modprobe", "-d", node.store / NAME, "-S", KERNEL, "--show-depends", "nvidia-uvm"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": "/usr/sbin:/sbin"}).stdout
    assert [Path(line.split()[1]).name for line in shown.splitlines()] == ["nvidia.ko", "nvidia-uvm.ko"]


def test_an_optional_module_that_the_kernel_refuses_is_named_with_the_reason(node: Node) -> None:
    reason = "modprobe: ERROR: could not insert 'nvidia-peermem': Invalid argument"
    assert f"nvidia-installer: went on without nvidia-peermem, which is optional: {reason}\n" in node.installs()


def test_a_required_module_that_the_kernel_refuses_ends_the_run_with_the_kernels_words(node: Node) -> None:
    node.environment["REFUSED"] = "nvidia-modeset"
    done = node.run("install")
    assert done.returncode == 20
    assert done.stderr.splitlines()[-3:] == [
        "nvidia-installer: | modprobe: ERROR: could not insert 'nvidia-modeset': Invalid argument",
        "nvidia-installer: | [    2.0] nvidia: disagrees about version of symbol module_layout",
        "nvidia-installer: the kernel refused nvidia-modeset; its reason stands above",
    ]


def test_the_second_run_writes_nothing_and_loads_nothing(node: Node) -> None:
    node.installs()
    before, loads = node.stat(), node.calls("modprobe")
    assert node.installs() == f"nvidia-installer: driver {NAME} (proprietary) is installed in /opt/nvidia\n"
    assert node.stat() == before
    assert node.calls("modprobe") == loads


def test_files_that_are_gone_come_back_under_a_loaded_driver_of_the_same_version(node: Node) -> None:
    node.installs()
    reference, loads = node.tree(), node.calls("modprobe")
    shutil.rmtree(node.store)
    node.installs()
    assert node.tree() == reference
    assert node.calls("modprobe") == loads


def test_no_load_only_unpacks_whatever_kernel_runs_and_whatever_it_has_loaded(node: Node) -> None:
    node.environment["KERNEL"] = "6.1.0-56-cloud-amd64"
    pretend_loaded(node, OLD_DRIVER)
    node.installs("--no-load")
    assert (node.store / "current/bin/nvidia-smi").exists()
    assert node.firmware_path.read_text() == "\n"
    assert not node.calls("modprobe")


def pretend_loaded(node: Node, version: str) -> None:
    (node.sysfs / "module/nvidia").mkdir()
    (node.sysfs / "module/nvidia/version").write_text(f"{version}\n")


def test_the_other_module_type_takes_the_place_of_the_first(node: Node) -> None:
    node.installs("--no-load")
    node.environment["KERNEL_MODULE_TYPE"] = "open"
    node.installs("--no-load")
    assert (node.store / "current" / MODULE_FOLDER / "type").read_text() == "open"
    assert sorted(path.name for path in node.store.iterdir()) == [NAME, "current"]


def test_an_image_of_the_same_name_that_was_built_anew_is_unpacked_again(node: Node) -> None:
    node.installs("--no-load")
    make_image(node, library=b"built anew")
    write_manifests(node.image, BUILD="2")
    node.installs("--no-load")
    assert (node.store / "current/lib/libcuda.so.1").read_bytes() == b"built anew"


def test_the_firmware_path_of_an_older_driver_of_ours_is_replaced(node: Node) -> None:
    node.firmware_path.write_text(f"/opt/nvidia/{OLD_NAME}/lib/firmware\n")
    node.installs()
    assert node.firmware_path.read_text() == f"/opt/nvidia/{NAME}/lib/firmware"


def test_a_firmware_path_that_another_program_has_set_stays_and_is_named(node: Node) -> None:
    node.firmware_path.write_text("/run/nvidia/driver/lib/firmware\n")
    said = node.installs()
    assert "the firmware search path stays /run/nvidia/driver/lib/firmware, which is not ours; " in said
    assert node.firmware_path.read_text() == "/run/nvidia/driver/lib/firmware\n"


def test_a_kernel_without_a_firmware_path_is_no_obstacle(node: Node) -> None:
    shutil.rmtree(node.firmware_path.parents[1])
    assert f"{node.firmware_path} cannot be written; " in node.installs()


def test_it_works_where_the_image_puts_it_and_through_a_link(node: Node) -> None:
    shutil.copytree(NODE / "lib", node.image / "lib")
    (node.image / "bin").mkdir()
    shutil.copy(NODE / "nvidia-installer", node.image / "bin")
    link = node.folder / "nvidia-installer"
    link.symlink_to(node.image / "bin/nvidia-installer")
    assert node.run("install", program=link).returncode == 0
    assert (node.store / "current/bin/nvidia-smi").exists()


def test_a_wrong_kernel_is_refused_with_both_kernels_and_the_tag_that_is_needed(node: Node) -> None:
    node.environment["KERNEL"] = "6.12.120+deb13-cloud-amd64"
    before = node.stat()
    done = node.run("install")
    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr == (
        "nvidia-installer: this node runs 6.12.120+deb13-cloud-amd64, and the image is for 6.12.117+deb13-cloud-amd64; "
        "this node needs the image with the tag 550.163.01-6.12.120-deb13-cloud-amd64-debian-13\n"
    )
    assert node.stat() == before


@pytest.mark.parametrize(
    ("of_the_image", "os_release", "in_the_tag"),
    [
        ("gardenlinux-1592.9", "ID=gardenlinux\nVERSION_ID=1592.10\n", "gardenlinux-1592.10"),
        ("debian-13", "ID='debian'\nVERSION_ID=\"12\"\n", "debian-12"),
        ("debian-13-backports", 'ID=debian\nVERSION_ID="13"\n', "debian-13-backports"),
        ("debian-13", "ID=debian\n", "debian-13"),
        ("debian-13", 'ID=debian\nVERSION_ID="$(reboot)"\n', "debian-13"),
        ("debian-13", None, "debian-13"),
    ],
)
def test_the_tag_that_is_needed_has_the_nodes_own_release(
    node: Node, of_the_image: str, os_release: str | None, in_the_tag: str
) -> None:
    write_manifests(node.image, OS_RELEASE=of_the_image)
    (node.host / "etc/os-release").unlink()
    if os_release:
        (node.host / "etc/os-release").write_text(os_release)
    node.environment["KERNEL"] = "6.6.1"
    assert node.run("install").stderr.endswith(f" tag 550.163.01-6.6.1-{in_the_tag}\n")


def test_without_the_hosts_root_the_tag_that_is_needed_has_the_images_release(node: Node) -> None:
    write_manifests(node.image, OS_RELEASE="gardenlinux-1592.9")
    node.environment.update(KERNEL="6.6.1", HOST_ROOT="/")
    assert node.run("install").stderr.endswith(" tag 550.163.01-6.6.1-gardenlinux-1592.9\n")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def append(path: Path, line: str) -> None:
    path.write_text(path.read_text() + line)


def point_outside(node: Node) -> None:
    (node.host / "opt").rmdir()
    (node.host / "opt").symlink_to(node.folder)


def replace_by_a_file(path: Path) -> None:
    path.rmdir()
    path.write_text("")


REFUSALS: Mapping[str, tuple[Callable[[Node], object], int, str]] = {
    "architecture": (
        lambda n: n.environment.update(MACHINE="aarch64"),
        11,
        "this node is aarch64, and the image is for",
    ),
    "user": (lambda n: n.environment.update(USER_ID="1000"), 12, "this needs root"),
    "cut archive": (lambda n: cut(n.image / "userspace.tar.zst"), 15, "userspace.tar.zst is damaged"),
    "flipped bit": (
        lambda n: flip_a_bit(n.image / "modules-proprietary.tar.zst"),
        15,
        "proprietary.tar.zst is damaged",
    ),
    "no archive": (lambda n: (n.image / "userspace.tar.zst").unlink(), 15, "userspace.tar.zst is missing"),
    "no manifest": (lambda n: (n.image / "manifest.json").unlink(), 15, "manifest.json is missing"),
    "no values": (lambda n: (n.image / "manifest.env").unlink(), 15, "manifest.env is missing"),
    "missing key": (lambda n: write_manifests(n.image, KERNEL_RELEASE=""), 15, "has no usable KERNEL_RELEASE"),
    "leading out": (lambda n: write_manifests(n.image, DRIVER_VERSION="../x"), 15, "has no usable DRIVER_VERSION"),
    "shell code": (lambda n: append(n.image / "manifest.env", "A=$(reboot)\n"), 15, "'A=$(reboot)' is not KEY=VALUE"),
    "no pair": (lambda n: append(n.image / "manifest.env", "reboot"), 15, "'reboot' is not KEY=VALUE"),
    "doubled key": (
        lambda n: append(n.image / "manifest.env", "IMAGE_TAG=a\n"),
        15,
        "'IMAGE_TAG=a' is not KEY=VALUE, or",
    ),
    "odd types": (lambda n: write_manifests(n.image, MODULE_TYPES="open source"), 15, "has no usable MODULE_TYPES"),
    "no such type": (
        lambda n: [
            write_manifests(n.image, MODULE_TYPES="open"),
            n.environment.update(KERNEL_MODULE_TYPE="proprietary"),
        ],
        16,
        "this image has no proprietary modules, only: open",
    ),
    "no host": (lambda n: n.environment.update(HOST_ROOT=f"{n.host}/none"), 17, "is no folder; mount the host's root"),
    "link outside": (point_outside, 17, "which is not on the host"),
    "no folder": (lambda n: replace_by_a_file(n.host / "opt"), 17, "is no folder that can be written"),
    "other driver": (
        lambda n: pretend_loaded(n, OLD_DRIVER),
        21,
        f"has driver {OLD_DRIVER} loaded, and the image brings",
    ),
    "unknown driver": (lambda n: (n.sysfs / "module/nvidia").mkdir(), 21, "has driver of an unknown version loaded"),
    "wrong option": (
        lambda n: n.environment.update(KERNEL_MODULE_TYPE="closed"),
        2,
        "KERNEL_MODULE_TYPE=closed is none of",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_installation_leaves_the_host_as_it_was(node: Node, case: str) -> None:
    spoil, code, words = REFUSALS[case]
    spoil(node)
    before = node.stat()
    done = node.run("install")
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert node.stat() == before


def test_a_second_installer_on_the_node_is_refused(node: Node) -> None:
    before = node.stat()
    descriptor = os.open(node.host / "run", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        done = node.run("install")
    finally:
        os.close(descriptor)
    assert done.returncode == 14
    assert node.stat() == before
    node.installs()


def spoil_modules(node: Node, change: Callable[[Path], object]) -> None:
    """Change the folder of the proprietary modules in the image's archive."""
    packed, tree = node.image / "modules-proprietary.tar.zst", node.folder / "tree"
    tree.mkdir()
    subprocess.run(["tar", "--extract", "--zstd", "--file", packed, "--directory", tree], check=True)
    change(tree / MODULE_FOLDER)
    archive(tree, packed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "nvidia.ko").unlink(), f"the modules archive has no nvidia.ko for {KERNEL}"),
        (lambda folder: (folder / "nvidia-uvm.ko").write_text("no ELF"), "depmod cannot read the modules"),
    ],
    ids=["missing", "unreadable"],
)
def test_a_spoilt_module_is_noticed_before_the_old_driver_goes(
    node: Node, change: Callable[[Path], object], words: str
) -> None:
    make_image(node, driver=OLD_DRIVER)
    node.installs("--no-load")
    before = node.tree()
    make_image(node)
    spoil_modules(node, change)
    done = node.run("install")
    assert done.returncode == 15
    assert words in done.stderr
    assert node.tree() == before


def on_a_small_disk(node: Node, size: str, *commands: str) -> subprocess.CompletedProcess[str]:
    """Run commands where the host's /opt is a tmpfs of this size, in namespaces that leave the machine alone."""
    unshare = ("/usr/bin/unshare", "--user", "--map-root-user", "--mount")
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us make namespaces")
    mount = f"/usr/bin/mount -t tmpfs -o size={size} none {shlex.quote(str(node.host / 'opt'))}"
    command = [*unshare, "bash", "-c", "\n".join((mount, *commands))]
    return subprocess.run(command, env=node.env(), capture_output=True, text=True, check=False)


INSTALL = shlex.join((str(NODE / "nvidia-installer"), "install", "--no-load"))


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_written(node: Node) -> None:
    make_image(node, library=os.urandom(3 << 20))
    done = on_a_small_disk(node, "2m", INSTALL, "code=$?", 'ls -A "$HOST_ROOT/opt"', "exit $code")
    assert (done.returncode, done.stdout) == (13, "")
    assert done.stderr.endswith("/host/opt has 2 MiB left, and the driver needs 4 MiB; make room and run again\n")


def test_a_disk_that_fills_up_on_the_way_leaves_the_old_driver_and_nothing_else(node: Node) -> None:
    make_image(node, driver=OLD_DRIVER)
    node.image.rename(node.folder / "old-image")
    make_image(node, library=os.urandom(3 << 20))
    node.stub("df", "echo Avail; echo 1000000000")
    look = 'cd "$HOST_ROOT/opt/nvidia"; readlink current; ls -A . current/bin; exit $code'
    first = f"NVIDIA_INSTALLER_HOME={shlex.quote(str(node.folder / 'old-image'))} {INSTALL} || exit 99"
    done = on_a_small_disk(node, "2m", first, INSTALL, "code=$?", look)
    assert done.returncode == 13, done.stderr
    assert done.stdout.split() == [OLD_NAME, ".:", OLD_NAME, "current", "current/bin:", "nvidia-smi"]
    assert done.stderr.endswith("nvidia-installer: the disk is full; make room and run again\n")


def killing(node: Node) -> Callable[[int | None], list[str]]:
    """Wrap every program that changes something; the result runs the installer and kills it before its n-th such call."""
    log = node.folder / "changes"
    (node.folder / "real").mkdir()
    for name in (*WRITING, "modprobe"):
        real = (node.programs / name).rename(node.folder / "real" / name)
        count = f"[ $(/usr/bin/wc -l <{log}) != ${{KILL_BEFORE:-none}} ] || kill -KILL 0"
        executable(node.programs / name, f'echo {name} "$@" >>{log}\n{count}\nexec {real} "$@"')

    def run(before: int | None) -> list[str]:
        log.write_text("")
        node.environment["KILL_BEFORE"] = str(before)
        done = node.run("install")
        assert done.returncode == (-9 if before else 0), done
        return log.read_text().splitlines()

    return run


def reset(node: Node) -> None:
    """Make the host new, with an old installation on it and nothing loaded."""
    shutil.rmtree(node.store, ignore_errors=True)
    for module in LOADED:
        shutil.rmtree(node.sysfs / "module" / module, ignore_errors=True)
    node.firmware_path.write_text("\n")
    shutil.copytree(node.folder / "old-store", node.store, symlinks=True)


def is_whole(installed: Path) -> bool:
    return all(
        (installed / name).exists() for name in ("bin/nvidia-smi", f"{MODULE_FOLDER}/nvidia.ko", "installed.env")
    )


@pytest.mark.parametrize("old", ["another driver", "the other module type"])
def test_killed_before_any_of_its_changes_the_next_run_ends_as_if_nothing_had_happened(node: Node, old: str) -> None:
    make_image(node, driver=OLD_DRIVER if old == "another driver" else DRIVER)
    node.environment["KERNEL_MODULE_TYPE"] = "proprietary" if old == "another driver" else "open"
    node.installs("--no-load")
    shutil.copytree(node.store, node.folder / "old-store", symlinks=True)
    make_image(node)
    node.environment["KERNEL_MODULE_TYPE"] = "auto"
    run = killing(node)
    changes = run(None)
    reference = node.tree()
    assert len(changes) > 10
    for number, change in enumerate(changes, start=1):
        reset(node)
        assert run(number)[-1].split()[0] == change.split()[0]
        assert old != "another driver" or is_whole(node.store / "current"), change
        run(None)
        assert node.tree() == reference, change


def test_what_gets_a_name_is_on_the_disk_before_and_the_name_itself_after(node: Node) -> None:
    changes = [" ".join(Path(word).name for word in change.split() if word != "--") for change in killing(node)(None)]
    first, end = changes.index("sync --file-system .unpacking"), changes.index(f"modprobe -d {NAME} nvidia")
    assert changes[first:end] == [
        "sync --file-system .unpacking",
        f"mv -T .unpacking {NAME}",
        "sync nvidia",
        "rm -rf .unpacking .replaced",
        f"ln -sfn {NAME} .current",
        "mv -T .current current",
        "sync nvidia",
    ]


def test_unpack_needs_neither_root_nor_the_kernel_and_gives_user_space_and_modules(node: Node) -> None:
    node.environment.update(USER_ID="1000", KERNEL="6.6.1", KERNEL_MODULE_TYPE="open")
    before = node.stat()
    target = node.folder / "a folder/below"
    done = node.run("unpack", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (target / "bin/nvidia-smi").exists()
    assert (target / MODULE_FOLDER / "type").read_text() == "open"
    assert node.stat() == before


def test_unpack_takes_an_empty_folder_and_no_other(node: Node) -> None:
    target = node.folder / "target"
    target.mkdir()
    assert node.run("unpack", str(target)).returncode == 0
    done = node.run("unpack", str(target))
    assert (done.returncode, done.stderr) == (
        2,
        f"nvidia-installer: {target} is not an empty folder; see nvidia-installer --help\n",
    )


def test_unpack_makes_no_folder_of_a_damaged_archive(node: Node) -> None:
    cut(node.image / "userspace.tar.zst")
    assert node.run("unpack", str(node.folder / "target")).returncode == 15
    assert not (node.folder / "target").exists()


@pytest.mark.parametrize(
    "arguments", [("install", "--load"), ("install", "now"), ("status", "-v"), ("unpack",), ("unpack", "-x")]
)
def test_wrong_arguments_are_a_usage_error(node: Node, arguments: tuple[str, ...]) -> None:
    before = node.stat()
    done = node.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert node.stat() == before


def test_status_before_and_after_an_installation(node: Node) -> None:
    tag = "550.163.01-6.12.117-deb13-cloud-amd64-debian-13"
    before = node.run("status")
    assert before.stdout == f"image: {tag} (proprietary open)\ninstalled: none\nloaded: none\n"
    node.installs()
    after = node.run("status")
    assert after.stdout == (
        f"image: {tag} (proprietary open)\ninstalled: {DRIVER} for {KERNEL} (proprietary)\nloaded: {DRIVER}\n"
    )
    assert (before.returncode, after.returncode) == (0, 0)
