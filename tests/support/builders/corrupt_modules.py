"""Ways to corrupt a kernel module, so that a check or a kernel can be seen refusing it."""

from pathlib import Path

from lifecycle.checks.kernel_module import read_module

_MISSING = b"missing_"


def flip_a_crc(module: Path) -> None:
    """Make it expect another kind of kernel than there is: one bit of the CRC of module_layout."""
    data = bytearray(module.read_bytes())
    # A row of __versions is an 8-byte CRC and the symbol's name (struct modversion_info, include/linux/module.h).
    at = data.index(b"module_layout\0".ljust(56, b"\0")) - 8
    data[at] ^= 1
    module.write_bytes(data)


def import_a_missing_symbol(module: Path) -> None:
    """Rename one of its imports, so that it begins with `missing_` and nothing exports it."""
    data = module.read_bytes()
    # A name that is the end of a longer one shares its bytes with it.
    whole = (name.encode() for name in read_module(module).imports)
    name = next(name for name in whole if len(name) > len(_MISSING) and b"\0" + name + b"\0" in data)
    renamed = _MISSING + name[len(_MISSING) :]
    module.write_bytes(data.replace(b"\0" + name + b"\0", b"\0" + renamed + b"\0"))
