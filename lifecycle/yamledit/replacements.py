"""Replacements in a text by position, inside text blocks too, and the check of the result. Pure."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.contents import Content, changed
from lifecycle.yamledit.events import Stream, YamlNode, read_stream
from lifecycle.yamledit.lookup import Place, text_block
from lifecycle.yamledit.own_files import EditFailedError
from lifecycle.yamledit.spellings import spelling

# Of a scalar in any style, the content has its kind, anchor and value.
_ANY_STYLE = 3
# All ends of a line in YAML 1.1 (section 5.4), which libyaml knows.
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


@dataclass(frozen=True, order=True)
class Replacement:
    """A new text for the characters from `start` to `end`."""

    start: int
    end: int
    written: str


@dataclass(frozen=True)
class Plan:
    """Replacements in a text, and the new values of scalars by the numbers of their events."""

    replacements: tuple[Replacement, ...]
    values: Mapping[int, str]


def apply(text: str, replacements: Iterable[Replacement]) -> str:
    """Return a text with replacements that do not overlap."""
    parts, at = [], 0
    for one in sorted(replacements):
        parts += [text[at : one.start], one.written]
        at = one.end
    return "".join([*parts, text[at:]])


def plan(stream: Stream, wanted: Sequence[tuple[Place, str]], *, quoted: bool, file: str) -> Plan:
    """Return the replacements for new values at places of a stream. Raises EditFailedError for a broken text block."""
    replacements, values, inside = [], {}, dict[int, list[tuple[Place, str]]]()
    for place, value in wanted:
        blocks = [n for n, node in enumerate(place.trail) if node.kind == "scalar"]
        if blocks:
            block = place.trail[blocks[0]]
            inner = Place(place.node, place.trail[blocks[0] + 1 :])
            inside.setdefault(block.first, []).append((inner, value))
        else:
            node = place.node
            replacements.append(Replacement(node.start, node.end, spelling(node, value, quoted=quoted)))
            values[node.first] = value
    for number, places in inside.items():
        block = YamlNode(stream, number)
        moved, values[number] = _plan_block(block, places, quoted=quoted, file=file)
        replacements += moved
    return Plan(tuple(replacements), values)


def _plan_block(
    block: YamlNode, wanted: Sequence[tuple[Place, str]], *, quoted: bool, file: str
) -> tuple[list[Replacement], str]:
    """Return the replacements in the file for new values inside a text block, and the block's new text."""
    inner = text_block(block)
    if inner is None:
        raise EditFailedError(file)
    inside = plan(inner, wanted, quoted=quoted, file=file)
    text = apply(inner.text, inside.replacements)
    check(text, file, changed(inner.contents, inside.values))
    position = _Positions(block)
    return [Replacement(position.of(r.start), position.of(r.end), r.written) for r in inside.replacements], text


class _Positions:
    """The positions of a text block's characters in the file: each line is indented there."""

    def __init__(self, block: YamlNode) -> None:
        text = block.stream.text
        starts = [m.end() for m in _LINE_END.finditer(text, block.start, block.end)]
        self.inner = [0, *(m.end() for m in _LINE_END.finditer(block.value))]
        lines = [block.value[a:b] for a, b in zip(self.inner, [*self.inner[1:], len(block.value)], strict=True)]
        first = next(n for n, line in enumerate(lines) if line.strip())
        end = _LINE_END.search(text, starts[first])
        written = text[starts[first] : end.start() if end else len(text)]
        self.indent = len(written) - len(_LINE_END.sub("", lines[first]))
        self.outer = starts

    def of(self, index: int) -> int:
        line = bisect_right(self.inner, index) - 1
        return self.outer[line] + self.indent + index - self.inner[line]


def check(text: str, file: str, wanted: Sequence[Content]) -> Stream:
    """Return the stream of an edited text. Raises EditFailedError unless its events have the wanted contents."""
    try:
        stream = read_stream(text, file=file)
    except ConfigurationError as error:
        raise EditFailedError(file) from error
    if len(stream.contents) != len(wanted):
        raise EditFailedError(file)
    for found, right in zip(stream.contents, wanted, strict=True):
        if found != right and (len(right) != _ANY_STYLE or found[:_ANY_STYLE] != right):
            raise EditFailedError(file)
    return stream
