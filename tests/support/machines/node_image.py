"""The image on a node under test, and a node that has it: small, but of real archives and modules."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.machines.node_host import DEVICES, DRIVER, H100, MODULES, SYSTEM_PATH, Node, executable
from tests.support.machines.node_programs import KERNEL, MODULE_FOLDER, READING, STUBS, WRITING

PLACEHOLDERS = (b"@@@.@@@.@@", b"%" * 23)


def compile_modules(folder: Path) -> None:
    """Compile the five modules as small ELF files that depmod and modinfo can read.

    The module nvidia defines a symbol that the others need.
    """
    for module in MODULES:
        depends = {"nvidia-uvm": "nvidia", "nvidia-modeset": "nvidia", "nvidia-drm": "drm,nvidia-modeset"}.get(
            module, ""
        )
        version, srcversion = (placeholder.decode() for placeholder in PLACEHOLDERS)
        lines = (
            f"version={version}",
            f"srcversion={srcversion}",
            f"depends={depends}",
            f"name={module.replace('-', '_')}",
        )
        info = "\\0".join(lines)
        exports = '__attribute__((section("__ksymtab_strings"), used)) static const char name[] = "nv_symbol";\n'
        needs = "extern int nv_symbol(void);\nint call(void) { return nv_symbol(); }\n"
        source = folder / f"{module}.c"
        source.write_text(
            f'__attribute__((section(".modinfo"), used)) static const char info[] = "{info}";\n'
            + (exports if module == "nvidia" else needs)
        )
        subprocess.run(["gcc", "-c", source, "-o", source.with_suffix(".ko")], check=True)
        source.unlink()


def srcversion_of(driver: str, kind: str) -> str:
    return hashlib.sha256(f"{driver} {kind}".encode()).hexdigest()[:23].upper()


def archive(folder: Path, out: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    subprocess.run(["tar", "--create", "--zstd", "--file", out, "--directory", folder, *names], check=True)


def make_image(
    node: Node,
    *,
    driver: str = DRIVER,
    library: bytes = b"ELF",
    programs: Mapping[str, str | bytes] | None = None,
    fabric: str = "LOG_FILE_NAME=/var/log/fm.log",
) -> None:
    """Replace the node's image by one of this driver; `programs` are scripts for its bin/, `fabric` configures its manager."""
    shutil.rmtree(node.image, ignore_errors=True)
    trees = node.image / "trees"
    user = trees / "userspace"
    for folder in ("bin", "share/nvidia/nvswitch", f"lib/firmware/nvidia/{driver}"):
        (user / folder).mkdir(parents=True)
    smi = {"nvidia-smi": 'echo "${SMI_SAYS:-fine}"; exit "${SMI_CODE:-0}"'}
    for name, body in {**smi, **(programs or {})}.items():
        program = user / "bin" / name
        if isinstance(body, bytes):
            program.write_bytes(body)
            program.chmod(0o755)
        else:
            executable(program, body)
    (user / "share/nvidia/nvswitch/fabricmanager.cfg").write_text(f"DAEMONIZE=1\n{fabric}\n")
    (user / f"lib/libcuda.so.{driver}").write_bytes(library)
    (user / "lib/libcuda.so.1").symlink_to(f"libcuda.so.{driver}")
    (user / f"lib/firmware/nvidia/{driver}/gsp_ga10x.bin").write_bytes(b"firmware")
    archive(user, node.image / "userspace.tar.zst")
    files = sorted(str(path.relative_to(user)) for path in user.rglob("*") if not path.is_dir())
    for kind in ("proprietary", "open"):
        place = trees / kind / MODULE_FOLDER
        place.mkdir(parents=True)
        for module in node.modules.iterdir():
            content = module.read_bytes()
            for placeholder, value in zip(PLACEHOLDERS, (driver, srcversion_of(driver, kind)), strict=True):
                content = content.replace(placeholder, value.encode())
            (place / module.name).write_bytes(content)
        (place / "type").write_text(kind)
        archive(trees / kind, node.image / f"modules-{kind}.tar.zst")
    shutil.rmtree(trees)
    write_manifests(node.image, DRIVER_VERSION=driver, unpacked_bytes=len(library) + (1 << 20), files=files)


def write_manifests(image: Path, *, unpacked_bytes: int = 1 << 20, files: Sequence[str] = (), **changes: str) -> None:
    values = {
        "DRIVER_VERSION": DRIVER,
        "KERNEL_RELEASE": KERNEL,
        "ARCHITECTURE": "amd64",
        "OS_RELEASE": "debian-13",
        "MODULE_TYPES": "proprietary open",
        "IMAGE_TAG": "550.163.01-6.12.117-deb13-cloud-amd64-debian-13",
        **{f"UNPACKED_BYTES_{kind}": str(unpacked_bytes) for kind in ("OPEN", "PROPRIETARY")},
        **changes,
    }
    (image / "manifest.env").write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    manifest = {**values, "userspace": {"files": dict.fromkeys(files, "sha256")}}
    (image / "manifest.json").write_text(json.dumps(manifest, indent=1))


def make_node(folder: Path, modules: Path) -> Node:
    """Return a node with one GPU that meets all requirements and has no driver."""
    node = Node(folder=folder, modules=modules)
    host = [node.host / name for name in ("dev", "etc/ld.so.conf.d", "etc/modprobe.d", "run", "opt")]
    gpu = node.proc / "driver/nvidia/gpus/0000:3b:00.0"
    for path in (*host, node.programs, folder / "dev", node.firmware_path.parent, gpu, node.proc / "self"):
        path.mkdir(parents=True)
    node.firmware_path.write_text("\n")
    (node.host / "etc/os-release").write_text('ID=debian\nVERSION_ID="13"\n')
    (node.host / "etc/ld.so.conf").write_text("include /etc/ld.so.conf.d/*.conf\n")
    (node.host / "etc/ld.so.cache").write_text("cache\n")
    (gpu / "information").write_text("Model: \t\t NVIDIA H100\nDevice Minor: \t 0\n")
    (node.proc / "devices").write_text(DEVICES)
    (node.proc / "self/mounts").write_text("none / tmpfs rw 0 0\n")
    node.add_to_bus("0000:3b:00.0", H100)
    for name in (*READING, *WRITING):
        found = shutil.which(name, path=SYSTEM_PATH)
        assert found, name
        (node.programs / name).symlink_to(found)
    for name, body in STUBS.items():
        node.stub(name, body)
    make_image(node)
    return node
