"""Ways to corrupt an image, and the tests that must fail for each of them."""

import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zstandard

from lifecycle.planning.matrix import Combination
from tests.support.builders.corrupt_modules import flip_a_crc
from tests.support.machines.installer import HOME

MANIFEST = "test_the_manifest_holds_for_every_file"
MODES = "test_the_modes_in_the_archives_are_those_of_the_manifest"
ROOT_ONLY = "test_nothing_in_the_image_gives_anybody_root"


@dataclass(frozen=True)
class Bad:
    """A way to corrupt an image, by Dockerfile instructions or a change to an archive, and the tests that must fail."""

    name: str
    fails: frozenset[str]
    dockerfile: str = ""
    archive: str = ""
    corrupt: Callable[[Path, "Material"], None] | None = None


@dataclass(frozen=True)
class Material:
    """The inputs of a change to an archive: the combination, and the modules of another kernel."""

    combination: Combination
    other_modules: Path


def module(tree: Path, name: str) -> Path:
    return next(tree.rglob(name))


def put_module_of_another_kernel(tree: Path, material: Material) -> None:
    shutil.copyfile(material.other_modules / "nvidia-uvm.ko", module(tree, "nvidia-uvm.ko"))


def truncate_module(tree: Path, _: Material) -> None:
    path = module(tree, "nvidia-modeset.ko")
    path.write_bytes(path.read_bytes()[:100_000])


def put_a_wrong_crc(tree: Path, _: Material) -> None:
    flip_a_crc(module(tree, "nvidia-uvm.ko"))


def remove_module(tree: Path, _: Material) -> None:
    module(tree, "nvidia-peermem.ko").unlink()


def remove_library(tree: Path, _: Material) -> None:
    next(tree.rglob("libnvidia-ml.so.*.*")).unlink()


def remove_tool(tree: Path, _: Material) -> None:
    (tree / "bin" / "nvidia-persistenced").unlink()


def rename_firmware_folder(tree: Path, material: Material) -> None:
    folder = next(tree.rglob(f"firmware/nvidia/{material.combination.driver}"))
    folder.rename(folder.with_name("1.2.3"))


def change_tool(tree: Path, material: Material) -> None:
    path = tree / "bin" / "nvidia-smi"
    path.write_bytes(path.read_bytes().replace(material.combination.driver.encode(), b"000.000.00"))


def make_tool_setuid(tree: Path, _: Material) -> None:
    (tree / "bin" / "nvidia-modprobe").chmod(0o4755)


def make_module_executable(tree: Path, _: Material) -> None:
    module(tree, "nvidia-uvm.ko").chmod(0o755)


def pack_with_modes(tree: Path, out: Path) -> None:
    """Write a folder as tar.zst with the modes that its files have, unlike `write_tar_zst`."""

    def of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
        return member.replace(uid=0, gid=0, uname="root", gname="root", deep=False)

    with zstandard.open(out, "wb") as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
        for path in sorted(tree.iterdir()):
            tar.add(path, path.name, filter=of_root)


BAD = [
    Bad(
        name="module of another kernel",
        archive="modules",
        corrupt=put_module_of_another_kernel,
        fails=frozenset(
            {
                MANIFEST,
                "test_modinfo_says_the_kernel_release_of_label_and_manifest",
                "test_the_kernel_accepts_every_imported_symbol",
            }
        ),
    ),
    Bad(
        name="truncated module",
        archive="modules",
        corrupt=truncate_module,
        fails=frozenset(
            {
                MANIFEST,
                "test_modules_are_for_the_architecture",
                "test_the_kernel_accepts_every_imported_symbol",
                "test_no_module_carries_debug_info",
            }
        ),
    ),
    Bad(
        name="one wrong CRC",
        archive="modules",
        corrupt=put_a_wrong_crc,
        fails=frozenset({MANIFEST, "test_the_kernel_accepts_every_imported_symbol"}),
    ),
    Bad(
        name="missing module",
        archive="modules",
        corrupt=remove_module,
        fails=frozenset({MANIFEST, MODES, "test_every_module_is_there"}),
    ),
    Bad(
        name="missing driver library",
        archive="userspace",
        corrupt=remove_library,
        fails=frozenset(
            {
                MANIFEST,
                MODES,
                "test_every_library_is_there_with_the_drivers_version_in_its_name",
                "test_every_library_link_leads_to_a_library",
            }
        ),
    ),
    Bad(
        name="missing tool",
        archive="userspace",
        corrupt=remove_tool,
        fails=frozenset({MANIFEST, MODES, "test_every_tool_is_there_and_executable"}),
    ),
    Bad(
        name="firmware of another version",
        archive="userspace",
        corrupt=rename_firmware_folder,
        fails=frozenset({MANIFEST, MODES, "test_firmware_is_of_the_drivers_version_and_what_the_module_asks_for"}),
    ),
    Bad(
        name="tool of another version",
        archive="userspace",
        corrupt=change_tool,
        fails=frozenset({MANIFEST, "test_the_tools_are_of_the_drivers_version"}),
    ),
    Bad(
        name="missing system library",
        dockerfile="RUN rm /usr/lib/x86_64-linux-gnu/libtirpc.so.3*",
        fails=frozenset({"test_every_shared_object_and_tool_finds_its_libraries"}),
    ),
    Bad(
        name="wrong labels",
        dockerfile="LABEL io.nvidia-installer.kernel-release=1.2.3 io.nvidia-installer.driver-version=1 "
        "io.nvidia-installer.os-release=other",
        fails=frozenset(
            {
                "test_label_manifest_and_tag_name_one_kernel",
                "test_label_and_manifest_name_the_driver",
                "test_labels_say_what_the_image_is",
            }
        ),
    ),
    Bad(
        name="compiler and package manager",
        dockerfile="RUN cp /usr/bin/true /usr/bin/gcc && cp /usr/bin/true /usr/bin/apt-get",
        fails=frozenset({"test_nothing_in_the_image_compiles_or_installs_packages"}),
    ),
    Bad(
        name="setuid file",
        dockerfile="RUN chmod u+s /usr/bin/mount",
        fails=frozenset({ROOT_ONLY}),
    ),
    Bad(
        name="setuid tool of the driver",
        archive="userspace",
        corrupt=make_tool_setuid,
        fails=frozenset({MODES, ROOT_ONLY}),
    ),
    Bad(
        name="script that anybody can change",
        dockerfile=f"RUN chmod o+w {HOME}/lib/core/log.sh",
        fails=frozenset({ROOT_ONLY}),
    ),
    Bad(
        name="module of another mode",
        archive="modules",
        corrupt=make_module_executable,
        fails=frozenset({MODES}),
    ),
    Bad(
        name="broken script",
        dockerfile=f"RUN echo 'if then' > {HOME}/lib/broken.sh",
        fails=frozenset({"test_scripts_are_well_formed"}),
    ),
    Bad(
        name="installer that takes any word",
        dockerfile=f"RUN sed -i 's/EXIT_USAGE=2 /EXIT_USAGE=0 /' {HOME}/lib/core/exit-codes.sh",
        fails=frozenset({"test_help_is_printed_and_a_wrong_word_is_refused"}),
    ),
    Bad(
        name="installer that takes any kernel",
        dockerfile=f"RUN sed -i 's/EXIT_WRONG_KERNEL=10 /EXIT_WRONG_KERNEL=0 /' {HOME}/lib/core/exit-codes.sh",
        fails=frozenset({"test_the_entry_point_refuses_a_wrong_kernel_with_the_documented_code"}),
    ),
    Bad(
        name="brief manifest of another image",
        dockerfile=f"RUN sed -i 's/^OS_RELEASE=.*/OS_RELEASE=other/' {HOME}/manifest.env",
        fails=frozenset({"test_the_brief_manifest_says_the_same_as_the_long_one"}),
    ),
    Bad(
        name="manifest without its digest",
        dockerfile=f'RUN sed -i \'s/"inputs_digest": "[0-9a-f]*"/"inputs_digest": ""/\' {HOME}/manifest.json',
        fails=frozenset({"test_the_manifest_names_inputs_and_patches"}),
    ),
]
