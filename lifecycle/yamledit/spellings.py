"""The ways to write a value in place of another one in YAML. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.events import YamlNode, read_stream

# Characters that YAML does not allow in a file, or that a reader takes for the end of a line (YAML 1.1, 5.1 and 5.4).
_NOT_PRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# Readers disagree about other characters within `{…}` and `[…]`.
_PLAIN_IN_FLOW = re.compile(r"[A-Za-z0-9_./@+:-]+")
_RESOLVER: Any = yaml.resolver.Resolver()


def spelling(node: YamlNode, value: str, *, quoted: bool) -> str:
    """Return a value as it is written in place of a node: in its style, if it stays the same text, or else in quotes.

    With `quoted`, the value is in double quotes in any case.
    """
    candidates = () if quoted else _in_style_of(node, value)
    written = next((text for text in candidates if _reads_as(text, value, flow=node.in_flow)), None)
    gap = " " if node.kind == "scalar" and node.start == node.end else ""
    return gap + (_double_quoted(value) if written is None else written)


def _in_style_of(node: YamlNode, value: str) -> Iterator[str]:
    if node.style == "'":
        yield "'" + value.replace("'", "''") + "'"
    elif not node.style and _stays_text(value, replaced=node.value, flow=node.in_flow):
        yield value


def _double_quoted(value: str) -> str:
    written = json.dumps(value, ensure_ascii=False)
    return _NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", written)


def _reads_as(written: str, value: str, *, flow: bool) -> bool:
    """Return whether a text is one scalar with this value, in block style or within `{…}`."""
    if len(written.splitlines()) > 1:
        return False
    try:
        (document,) = read_stream(f"{{k: {written}}}" if flow else f"k: {written}", file="").documents
    except (ConfigurationError, ValueError):
        return False
    found = document.values_of("k")
    return len(found) == 1 and found[0].kind == "scalar" and found[0].value == value


def _stays_text(value: str, *, replaced: str, flow: bool) -> bool:
    """Return whether YAML reads a value without quotes as text, or as a whole number like the replaced one."""
    if flow and not _PLAIN_IN_FLOW.fullmatch(value):
        return False
    if value.isdecimal() and replaced.isdecimal() and str(int(value)) == value:
        return True
    if _RESOLVER.resolve(yaml.ScalarNode, value, (True, False)) != "tag:yaml.org,2002:str":
        return False
    try:
        float(value)
    except ValueError:
        return not re.match(r"0[xXoObB][0-9a-fA-F_]+$", value)
    # YAML 1.2 readers, Helm's and kustomize's among them, know numbers that YAML 1.1 does not: 1e3.
    return False
