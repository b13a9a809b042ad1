import struct
from pathlib import Path

import pytest

from lifecycle.checks.kernel_module import UnreadableModuleError, read_module
from tests.support.builders.kernel_modules import VERMAGIC, MakeModule, extended

E_MACHINE = 18


def test_the_metadata_of_a_module_is_read(make_module: MakeModule) -> None:
    path = make_module(
        "nvidia-uvm",
        name="nvidia_uvm",
        license="Dual MIT/GPL",
        srcversion="ABC",
        depends="nvidia,video",
        firmware=["nvidia/1/a.bin", "nvidia/1/b.bin"],
        import_ns=["DMA_BUF"],
    )
    module = read_module(path)

    assert (module.name, module.license, module.version, module.srcversion) == (
        "nvidia_uvm",
        "Dual MIT/GPL",
        "535.309.01",
        "ABC",
    )
    assert (module.vermagic, module.kernel_release) == (VERMAGIC, "6.1.0-56-cloud-amd64")
    assert (module.depends, module.namespaces) == (("nvidia", "video"), ("DMA_BUF",))
    assert module.firmware == ("nvidia/1/a.bin", "nvidia/1/b.bin")
    assert (module.architecture, module.size) == ("amd64", path.stat().st_size)


def test_imports_have_their_crcs_and_exclude_weak_symbols(make_module: MakeModule) -> None:
    module = read_module(make_module(imports={"printk": 0xDEADBEEF, "kfree": 1}, weak=["maybe"]))

    assert module.imports == {"printk": 0xDEADBEEF, "kfree": 1}
    assert module.layout_crc == 0xAAAA0001


def test_the_extended_sections_of_newer_kernels_are_read_too(make_module: MakeModule) -> None:
    long_name = "a_symbol_whose_name_is_longer_than_the_fifty_five_characters_of_a_row"
    module = read_module(make_module(imports={long_name: 7}, layout=extended))

    assert module.imports == {long_name: 7}


def test_exports_have_their_crcs(make_module: MakeModule) -> None:
    module = read_module(make_module(exports={"nvidia_register": 0x01020304}))

    assert module.exports == {"nvidia_register": 0x01020304}


def test_a_module_without_versions_expects_no_crcs(make_module: MakeModule) -> None:
    module = read_module(make_module(versions=False))

    assert (module.has_versions, module.imports, module.layout_crc) == (False, {"printk": None}, None)


def test_debug_info_is_detected(make_module: MakeModule) -> None:
    assert read_module(make_module("with_debug", debug=True)).has_debug_info
    assert not read_module(make_module("without_debug")).has_debug_info


def test_a_signature_is_detected(make_module: MakeModule) -> None:
    path = make_module()
    assert not read_module(path).signed

    path.write_bytes(path.read_bytes() + b"pkcs7" + b"~Module signature appended~\n")
    assert read_module(path).signed


def test_the_architecture_has_the_name_that_debian_uses(make_module: MakeModule) -> None:
    path = make_module()
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, E_MACHINE, 183)
    path.write_bytes(data)

    assert read_module(path).architecture == "arm64"


@pytest.mark.parametrize("keep", [0, 3, 40, 200, 600])
def test_a_truncated_module_is_reported_by_name(make_module: MakeModule, keep: int) -> None:
    path = make_module("nvidia-drm")
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(UnreadableModuleError, match=r"nvidia-drm\.ko is not a readable kernel module"):
        read_module(path)


def test_a_file_that_is_not_a_module_is_reported(tmp_path: Path, make_module: MakeModule) -> None:
    path = tmp_path / "text.ko"
    path.write_text("#!/bin/sh\necho this is not a kernel module at all, and long enough to hold an ELF header\n")

    with pytest.raises(UnreadableModuleError, match=r"text\.ko is not a readable kernel module"):
        read_module(path)
