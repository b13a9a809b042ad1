"""Parameters of the kernel modules: the image's defaults, and over them what the pod mounts."""

import shlex
from pathlib import Path

import pytest

from tests.support.machines.node_host import Node
from tests.support.machines.node_programs import KERNEL, MODPROBE


def write(node: Node, folder: str, module: str, text: str) -> None:
    path = node.folder / folder / f"{module}.conf"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())


def words_of(node: Node, module: str) -> list[str]:
    [call] = [call for call in node.calls("modprobe") if f" {module}" in call]
    return call.split()[3:]


def test_the_images_defaults_reach_the_module(node: Node) -> None:
    write(node, "image/parameters", "nvidia-uvm", "uvm_disable_hmm=1\n")
    assert "loaded nvidia-uvm with uvm_disable_hmm=1\n" in node.installs()
    assert words_of(node, "nvidia-uvm") == ["uvm_disable_hmm=1"]


def test_mounted_parameters_go_over_the_defaults_one_by_one(node: Node) -> None:
    write(node, "image/parameters", "nvidia-modeset", "a=1 b=2\n")
    write(node, "drivers", "nvidia-modeset", "# ours\nb=3   c=x=y;z # not d=4\n\ne=5")
    node.installs()
    assert words_of(node, "nvidia-modeset") == ["a=1", "b=3", "c=x=y;z", "e=5"]


def test_modules_without_parameters_get_none(node: Node) -> None:
    node.installs()
    assert words_of(node, "nvidia-modeset") == []


@pytest.mark.parametrize("word", ["options", "=1", "a=", "-r", "1a=2", "a b=1"])
def test_what_is_not_name_and_value_is_refused_with_file_and_line(node: Node, word: str) -> None:
    write(node, "drivers", "nvidia", f"NVreg_EnableGpuFirmware=1\n{word}\n")
    before = node.stat()
    done = node.run("install")
    assert done.returncode == 2
    bad = word.split(maxsplit=1)[0]
    assert f"{node.folder}/drivers/nvidia.conf is wrong in line 2: '{bad}' is not name=value" in done.stderr
    assert node.stat() == before


def test_parameters_are_words_and_never_run(node: Node) -> None:
    write(node, "drivers", "nvidia-modeset", "a=$(reboot) b=`reboot` c=*\n")
    node.installs()
    assert words_of(node, "nvidia-modeset") == ["a=$(reboot)", "b=`reboot`", "c=*"]


def test_changed_parameters_of_a_loaded_driver_are_reported_not_applied(node: Node) -> None:
    node.installs()
    write(node, "drivers", "nvidia", "NVreg_NvLinkDisable=1\n")
    before = node.stat()
    assert "module parameters have changed; to apply them, uninstall and install again" in node.installs()
    assert node.stat() == before


def test_parameters_that_did_not_change_are_no_news(node: Node) -> None:
    write(node, "drivers", "nvidia", "NVreg_NvLinkDisable=1\n")
    node.installs()
    assert "parameters" not in node.installs()


def options_of(node: Node, text: str) -> list[str]:
    """Return the parameters that the real modprobe makes of a file for nvidia.ko, split as the kernel splits them."""
    write(node, "drivers", "nvidia", text)
    real = f'[ "$3" != nvidia ] || modprobe -S {KERNEL} -D "$@" >>"{node.folder}/shown" || exit 1'
    node.stub("modprobe", f"{real}\n{MODPROBE}")
    node.installs()
    [line] = (node.folder / "shown").read_text().splitlines()
    command, file, *words = shlex.split(line)
    assert (command, Path(file).name) == ("insmod", "nvidia.ko")
    return words


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ('NVreg_RegistryDwords="A = 1;B = 1024"\n', ["NVreg_RegistryDwords=A = 1;B = 1024"]),
        ('NVreg_RegistryDwords="A = 1;B = 1024"\r\nb=2\r\n', ["NVreg_RegistryDwords=A = 1;B = 1024", "b=2"]),
        ('"a=x y" b=2', ["a=x y", "b=2"]),
        ('"a=1" b="2"', ["a=1", "b=2"]),
        ('a="x\ty"', ["a=x\ty"]),
        ('a="" "b="', ["a=", "b="]),
        ("\ufeffa=1", ["a=1"]),
        ("\ufeff# a comment\na=1", ["a=1"]),
        ("a=x#y # b=2", ["a=x#y"]),
        ('a="x # y" #b=2', ["a=x # y"]),
        ('# "not closed\na=1', ["a=1"]),
        ("a-b=1 a_b=2", ["a_b=2"]),
        ('a=1 a="x y"', ["a=x y"]),
        ('a="x  y"   b=2', ["a=x  y", "b=2"]),
        ("\r\n \t\r\na=1", ["a=1"]),
    ],
)
def test_a_file_reaches_the_kernel_as_modprobe_d_would(node: Node, text: str, options: list[str]) -> None:
    assert options_of(node, text) == options


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a="x y', "a double quote is not closed in 'a=\"x y'"),
        ('a=1 "b=2', "a double quote is not closed in '\"b=2'"),
        ("a='x y'", "'y'' is not name=value; put double quotes around a value with spaces"),
        ("A = 1", "'A' is not name=value; put double quotes around a value with spaces"),
        ('a=x" "y', "'a=x\" \"y' is not name=value"),
        ('"=1"', "'\"=1\"' is not name=value"),
        ('""', "'\"\"' is not name=value"),
        ("a=1 \\", "'\\' is not name=value"),
    ],
)
def test_a_word_that_the_kernel_would_misread_is_refused(node: Node, text: str, words: str) -> None:
    write(node, "drivers", "nvidia", text)
    done = node.run("install")
    assert (done.returncode, f"nvidia.conf is wrong in line 1: {words}" in done.stderr) == (2, True), done.stderr


def test_a_quoted_value_overrides_the_images_default(node: Node) -> None:
    write(node, "image/parameters", "nvidia", "a=1 b=2")
    assert options_of(node, 'a="x y"') == ["a=x y", "b=2"]


def test_a_file_named_with_underscores_is_read(node: Node) -> None:
    write(node, "drivers", "nvidia_uvm", "a=1")
    assert "not read" not in node.installs()
    assert words_of(node, "nvidia-uvm") == ["a=1"]


def test_two_files_for_one_module_are_refused(node: Node) -> None:
    write(node, "drivers", "nvidia_uvm", "a=1")
    write(node, "drivers", "nvidia-uvm", "a=1")
    done = node.run("install")
    assert done.returncode == 2
    folder = node.folder / "drivers"
    assert f"{folder}/nvidia-uvm.conf and {folder}/nvidia_uvm.conf are for the same module; keep one" in done.stderr


def test_files_that_are_not_read_are_named(node: Node) -> None:
    for name in ("nvidia", "nvidia.txt", "nvidia nvidia-modeset", "nouveau"):
        write(node, "drivers", name, "a=1")
    (node.folder / "drivers/Nvidia").write_text("")
    (node.folder / "drivers/.nvidia.swp").write_text("")
    (node.folder / "drivers/gone").symlink_to("missing")
    names = "Nvidia, gone, nouveau.conf, nvidia nvidia-modeset.conf, nvidia.txt.conf, .nvidia.swp"
    assert f"not read in {node.folder}/drivers: {names}; name each file after its module" in node.installs()


def test_a_mounted_config_map_has_no_unread_files(node: Node) -> None:
    folder = node.folder / "drivers"
    (folder / "..2026").mkdir(parents=True)
    (folder / "..2026/nvidia.conf").write_text("a=1")
    (folder / "..data").symlink_to("..2026")
    (folder / "nvidia.conf").symlink_to("..data/nvidia.conf")
    (folder / "others").mkdir()
    assert "not read" not in node.installs()
    assert "a=1" in node.calls("modprobe")[0]


def test_a_link_to_a_missing_file_is_no_missing_file(node: Node) -> None:
    (node.folder / "drivers").mkdir()
    (node.folder / "drivers/nvidia.conf").symlink_to("missing")
    done = node.run("install")
    assert (done.returncode, "drivers/nvidia.conf is not a readable file" in done.stderr) == (2, True)


def test_a_file_in_place_of_the_folder_is_refused(node: Node) -> None:
    (node.folder / "drivers").write_text("a=1")
    done = node.run("install")
    assert (done.returncode, "drivers is not a folder" in done.stderr) == (2, True)
