"""Entries of sources.list(5) in both formats, read and written with all their options."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from debian.deb822 import Deb822

# Decided by component.yaml, and by what the project reads of an archive.
_OURS = ("types", "uris", "suites", "components", "enabled", "architectures", "languages", "targets")
# The options whose field of a .sources file has another name (sources.list(5), "THE DEB AND DEB-SRC TYPES: OPTIONS").
_FIELD_NAMES = {"arch": "Architectures", "lang": "Languages", "target": "Targets"}
_SUFFIXES = {"+": "-Add", "-": "-Remove", "": ""}
_LINE = re.compile(r"\s*deb\s+(?:\[(?P<options>[^\]]*)\])?")
_OPTION = re.compile(r'(?P<name>[^\s=]+?)(?P<change>[+-]?)=(?P<value>"[^"]*"|\S*)')
_DISC = re.compile(r"^cdrom://([^\[].*)/$")


def read_entry(entry: str) -> dict[str, str]:
    """Return the fields of an entry `file:number`, as a .sources file has them; {} if the file has changed meanwhile.

    apt counts the stanzas of a .sources file, and the lines of a .list file.
    """
    name, _, number = entry.rpartition(":")
    path, index = Path(name), int(number) - 1
    text = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
    if path.suffix == ".sources":
        stanzas = [dict(stanza) for stanza in Deb822.iter_paragraphs(text)]
        return stanzas[index] if index < len(stanzas) else {}
    lines = text.splitlines()
    match = _LINE.match(lines[index]) if index < len(lines) else None
    return _options((match and match["options"]) or "")


def _options(text: str) -> dict[str, str]:
    """Return the options of a one-line entry as fields of a .sources file."""
    fields = {}
    for option in _OPTION.finditer(text):
        name = _FIELD_NAMES.get(option["name"].lower(), option["name"])
        fields[name + _SUFFIXES[option["change"]]] = option["value"].strip('"')
    return fields


def carried_options(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of an entry that a private root takes over: those that say how apt reaches and trusts the archive."""
    return {name.title(): value for name, value in fields.items() if not name.lower().startswith(_OURS)}


def architectures(fields: Mapping[str, str]) -> frozenset[str]:
    """Return the architectures that an entry is limited to; none if it has those of the machine."""
    found = next((value for name, value in fields.items() if name.lower() == "architectures"), "")
    return frozenset(re.split(r"[\s,]+", found.strip())) - {""}


def as_stanza(uris: Sequence[str], suite: str, components: Sequence[str], options: Mapping[str, str]) -> str:
    """Return an entry of a .sources file ("DEB822-STYLE FORMAT"). Options without a value are left out."""
    fields = {
        "Types": "deb",
        "URIs": " ".join(uris),
        "Suites": suite,
        "Components": " ".join(components),
        **options,
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def as_line(uris: Sequence[str], suite: str, components: Sequence[str], options: Mapping[str, str]) -> str:
    """Return an entry of a .list file ("ONE-LINE-STYLE FORMAT"), a line for each address. Options have fields' names."""
    names = {field: name for name, field in _FIELD_NAMES.items()}
    shown = []
    for field, value in options.items():
        name, change = field, ""
        for sign, suffix in _SUFFIXES.items():
            if suffix and field.endswith(suffix):
                name, change = field.removesuffix(suffix), sign
        quoted = f'"{value}"' if " " in value else value
        shown.append(f"{names.get(name, name).lower()}{change}={quoted}")
    # apt prints the name of a disc without its brackets if it contains no slash, and does not read it again then.
    addresses = [_DISC.sub(r"cdrom://[\1]/", uri) for uri in uris]
    return "".join(f"deb [ {' '.join(shown)} ] {uri} {suite} {' '.join(components)}\n" for uri in addresses)
