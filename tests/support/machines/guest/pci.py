"""PCI functions that are only their configuration space: enough for a kernel to find them and for a driver to try."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

NVIDIA = 0x10DE
# PCI Code and ID Assignment specification: base class 06h, subclass 80h, "other bridge"; base class 03h, 02h, "3D controller".
OTHER_BRIDGE = 0x068000
CONTROLLER_3D = 0x030200

# One bus: 32 devices of 8 functions of 4 KiB each (PCI Express Base specification, section 7.2.2).
_BUS_BYTES = 1 << 20
_FUNCTION_BYTES = 1 << 12
_FUNCTIONS_PER_DEVICE = 8


@dataclass(frozen=True, kw_only=True)
class Function:
    """The identity of a PCI function; `class_code` is class, subclass and interface, three bytes."""

    vendor: int = NVIDIA
    device: int
    class_code: int


# NVIDIA's driver initialises where it finds an NVSwitch, GPU or not (os_is_nvswitch_present() in its nvidia/os-pci.c).
# The device number is none of NVIDIA's, so its NVSwitch driver leaves it alone.
NVSWITCH = Function(device=0x0001, class_code=OTHER_BRIDGE)
# PCI ID Repository: GH100 [H100 SXM5 80GB]. Nothing is behind it.
DEAD_GPU = Function(device=0x2330, class_code=CONTROLLER_3D)


def config_space(functions: Sequence[Function]) -> bytes:
    """Return the configuration space of a bus with the functions as its devices 0, 1, ….

    An empty slot reads as ones, as on a real bus.
    """
    space = bytearray(b"\xff" * _BUS_BYTES)
    for number, function in enumerate(functions):
        start = number * _FUNCTIONS_PER_DEVICE * _FUNCTION_BYTES
        space[start : start + _FUNCTION_BYTES] = _header(function).ljust(_FUNCTION_BYTES, b"\0")
    return bytes(space)


def _header(function: Function) -> bytes:
    """Return the start of a type 0 header: vendor, device, command, status, revision, class code."""
    class_code = function.class_code.to_bytes(3, "little")
    return struct.pack("<HHHHB3s", function.vendor, function.device, 0, 0, 0, class_code)
