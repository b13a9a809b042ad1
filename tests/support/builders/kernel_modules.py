"""Small real kernel modules, made by the machine's compiler: relocatable ELF files with the sections the kernel reads."""

import struct
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

VERMAGIC = "6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions"


MakeModule = Callable[..., Path]


def info_section(info: Mapping[str, str | Sequence[str]]) -> str:
    pairs = [
        (key, value) for key, values in info.items() for value in ([values] if isinstance(values, str) else values)
    ]
    return "\n".join(f'    .asciz "{key}={value}"' for key, value in pairs)


def rows(versions: Mapping[str, int]) -> str:
    """Return `__versions` as in all kernels up to 6.13: for each symbol, an 8-byte CRC and a 56-byte name."""
    return "\n".join(
        f"    .byte {', '.join(map(str, struct.pack('<Q56s', crc, name.encode())))}" for name, crc in versions.items()
    )


def extended(versions: Mapping[str, int]) -> str:
    """Return `__version_ext_crcs` and `__version_ext_names`, as in kernels since 6.14."""
    crcs = "\n".join(f"    .long {crc}" for crc in versions.values())
    names = "\n".join(f'    .asciz "{name}"' for name in versions)
    return f'.section __version_ext_crcs,"a"\n{crcs}\n.section __version_ext_names,"a"\n{names}\n'


def module_maker(folder: Path) -> MakeModule:
    """Return the function that makes modules in a folder."""

    def make(
        file: str = "good",
        /,
        *,
        imports: Mapping[str, int] | None = None,
        exports: Mapping[str, int] | None = None,
        weak: Sequence[str] = (),
        debug: bool = False,
        layout: Callable[[Mapping[str, int]], str] | None = None,
        versions: bool = True,
        **info: str | Sequence[str],
    ) -> Path:
        wanted = {"module_layout": 0xAAAA0001, **(imports or {"printk": 0x11111111})}
        about = {
            "license": "GPL",
            "vermagic": VERMAGIC,
            "version": "535.309.01",
            "name": file.replace("-", "_"),
            **info,
        }
        lines = ['.section .modinfo,"a"', info_section(about)]
        if versions:
            lines += [layout(wanted)] if layout else ['.section __versions,"a"', rows(wanted)]
        lines += [".text", *(f"    .quad {symbol}" for symbol in wanted if symbol != "module_layout")]
        lines += [f"    .weak {symbol}\n    .quad {symbol}" for symbol in weak]
        for symbol, crc in (exports or {}).items():
            lines += [f'.section ___ksymtab+{symbol},"a"', f"__ksymtab_{symbol}:", "    .quad 0"]
            lines += [f'.section ___kcrctab+{symbol},"a"', f"__crc_{symbol}:", f"    .long {crc}"]
        if debug:
            lines += ['.section .debug_info,"",@progbits', "    .byte 0"]
        source, out = folder / f"{file}.s", folder / f"{file}.ko"
        source.write_text("\n".join(lines) + "\n")
        subprocess.run(["gcc", "-c", "-o", str(out), str(source)], check=True)
        return out

    return make
