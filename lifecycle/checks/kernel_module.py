"""A reader of kernel modules: their metadata, imports and exports.

pyelftools reads the ELF headers. The symbol tables and the sections of the kernel are read here, as the kernel does it
(kernel/module/main.c, include/linux/module.h).
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from lifecycle.checks.signature import MARKER
from lifecycle.errors import InstallerError

_ARCHITECTURES = {"EM_X86_64": "amd64", "EM_AARCH64": "arm64"}
# Elf64_Sym (elf(5)): name, info, other, section, value, size.
_SYMBOL = struct.Struct("<IBBHQQ")
_WEAK = 2
_UNDEFINED = 0
# struct modversion_info: the CRC as a long and the name of the symbol, 64 bytes in total.
_VERSION = struct.Struct("<Q56s")


class UnreadableModuleError(InstallerError):
    """A file that is not a kernel module, or a truncated one."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name} is not a readable kernel module: {why}", details=f"  {path}")


@dataclass(frozen=True, kw_only=True)
class KernelModule:
    """The content of a .ko file.

    `imports` are the undefined symbols that are not weak, with the CRC that the module expects, or None if it names none.
    `exports` are the exported symbols with their CRC. `layout_crc` is the CRC of module_layout, which stands for the kernel's
    struct module. `architecture` is Debian's name of it, `size` is in bytes.
    """

    name: str
    path: Path
    architecture: str
    vermagic: str
    version: str
    srcversion: str
    license: str
    depends: tuple[str, ...]
    firmware: tuple[str, ...]
    namespaces: tuple[str, ...]
    signed: bool
    size: int
    has_debug_info: bool
    has_versions: bool
    layout_crc: int | None
    imports: Mapping[str, int | None]
    exports: Mapping[str, int | None]

    @property
    def kernel_release(self) -> str:
        """The kernel release that the module was built for: the first word of vermagic."""
        return self.vermagic.partition(" ")[0]


def read_module(path: Path) -> KernelModule:
    """Read a .ko file. Raises UnreadableModuleError for any other file, and for a truncated one."""
    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            sections = {section.name: section for section in elf.iter_sections()}
            _check_whole(path, sections)
            return _read(path, elf, sections)
    except ELFError as error:
        raise UnreadableModuleError(path, f"it is not an ELF file, or is truncated ({error})") from error
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise UnreadableModuleError(path, f"it is damaged ({error})") from error


def _check_whole(path: Path, sections: Mapping[str, Any]) -> None:
    if ".modinfo" not in sections or ".symtab" not in sections:
        raise UnreadableModuleError(path, "it has no .modinfo section or no symbols")
    end = max(s["sh_offset"] + s["sh_size"] for s in sections.values() if s["sh_type"] != "SHT_NOBITS")
    if end > path.stat().st_size:
        raise UnreadableModuleError(path, "it is truncated")


def _read(path: Path, elf: ELFFile, sections: Mapping[str, Any]) -> KernelModule:
    info = _modinfo(sections[".modinfo"].data())
    versions = _versions(sections)
    undefined, exports = _symbols(elf, sections)
    with path.open("rb") as file:
        file.seek(-len(MARKER), 2)
        signed = file.read() == MARKER

    def one(key: str) -> str:
        return info.get(key, [""])[0]

    return KernelModule(
        name=one("name") or path.stem.replace("-", "_"),
        path=path,
        architecture=_ARCHITECTURES.get(elf["e_machine"], str(elf["e_machine"])),
        vermagic=one("vermagic").strip(),
        version=one("version"),
        srcversion=one("srcversion"),
        license=one("license"),
        depends=tuple(name for name in one("depends").split(",") if name),
        firmware=tuple(info.get("firmware", [])),
        namespaces=tuple(info.get("import_ns", [])),
        signed=signed,
        size=path.stat().st_size,
        has_debug_info=any(name.startswith((".debug_", ".zdebug_")) for name in sections),
        has_versions=bool(versions),
        layout_crc=versions.get("module_layout"),
        imports={name: versions.get(name) for name in undefined},
        exports=exports,
    )


def _modinfo(data: bytes) -> dict[str, list[str]]:
    """Return the values of each key in NUL-terminated `key=value` strings; a key may occur several times."""
    info: dict[str, list[str]] = {}
    for entry in data.split(b"\0"):
        key, found, value = entry.partition(b"=")
        if found:
            info.setdefault(key.decode(), []).append(value.decode())
    return info


def _versions(sections: Mapping[str, Any]) -> dict[str, int]:
    """Return the CRC that the module expects of each symbol, including `module_layout`.

    The CRCs are in `__versions`, and for long names in `__version_ext_crcs` and `__version_ext_names` (since Linux 6.14).
    """
    versions = {}
    if "__versions" in sections:
        for crc, name in _VERSION.iter_unpack(sections["__versions"].data()):
            versions[name.partition(b"\0")[0].decode()] = crc & 0xFFFFFFFF
    if "__version_ext_crcs" in sections:
        crcs = struct.iter_unpack("<I", sections["__version_ext_crcs"].data())
        names = sections["__version_ext_names"].data().split(b"\0")
        versions |= {name.decode(): crc for (crc,), name in zip(crcs, names, strict=False)}
    return versions


def _symbols(elf: ELFFile, sections: Mapping[str, Any]) -> tuple[list[str], dict[str, int | None]]:
    """Return the names of the undefined symbols that are not weak, and the exported symbols with their CRCs."""
    table, strings = sections[".symtab"].data(), elf.get_section(sections[".symtab"]["sh_link"]).data()
    undefined: list[str] = []
    exported: list[str] = []
    crcs: dict[str, int] = {}
    for name, bind, section, value in _entries(table, strings):
        if section == _UNDEFINED:
            if bind != _WEAK and name:
                undefined.append(name.decode())
        elif name.startswith(b"__ksymtab_"):
            exported.append(name.removeprefix(b"__ksymtab_").decode())
        elif name.startswith(b"__crc_"):
            data = elf.get_section(section).data()
            (crcs[name.removeprefix(b"__crc_").decode()],) = struct.unpack_from("<I", data, value)
    return undefined, {name: crcs.get(name) for name in exported}


def _entries(table: bytes, strings: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield name, binding, section number and value of the undefined symbols, and of those that describe an export."""
    for offset, info, _, section, value, _ in _SYMBOL.iter_unpack(table):
        if section == _UNDEFINED or strings.startswith((b"__ksymtab_", b"__crc_"), offset):
            yield strings[offset : strings.index(b"\0", offset)], info >> 4, section, value
