"""A reader of shared objects (System V ABI, "Dynamic Linking")."""

from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile


def soname_of(path: Path) -> str | None:
    """Return the name that dependants use (DT_SONAME), or None for a file without one, or that is not ELF."""
    with path.open("rb") as file:
        try:
            section = ELFFile(file).get_section_by_name(".dynamic")
        except ELFError:
            return None
        if not isinstance(section, DynamicSection):
            return None
        tags: list[Any] = list(section.iter_tags("DT_SONAME"))
    return str(tags[0].soname) if tags else None
