"""Parameters of the kernel modules: the image's defaults, and over them what the pod mounts."""

import pytest

from tests.support.machines.node_host import Node


def write(node: Node, folder: str, module: str, text: str) -> None:
    path = node.folder / folder / f"{module}.conf"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


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
