"""YAML as events with positions. Covers all of YAML: several documents, anchors, aliases and merge keys. Pure.

`yaml.compose` resolves aliases, so that a value and an alias of it look the same. Events keep them apart (YAML 1.2.2, section
3.2.2: the serialization tree keeps anchors and aliases). libyaml makes the events: it accepts what Go's readers accept, which
descend from it, and it is fast.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.contents import Content, content
from lifecycle.yamledit.limits import limited_events
from lifecycle.yamledit.reader import describe_parse_error

BOM = "\ufeff"


@dataclass(frozen=True, eq=False)
class Stream:
    """The events of a text: their contents, and for each its start, its end and its line, from 1."""

    text: str
    contents: Sequence[Content]
    spans: Sequence[tuple[int, int, int]]

    @cached_property
    def ends(self) -> Sequence[int]:
        """The number of the last event of the node that begins at an event."""
        ends, open_at = list(range(len(self.contents))), []
        for number, (kind, *_) in enumerate(self.contents):
            if kind in ("mapping", "list"):
                open_at.append(number)
            elif kind == "end":
                ends[open_at.pop()] = number
        return ends

    @cached_property
    def documents(self) -> Sequence["YamlNode"]:
        """The root node of each document."""
        starts = [n for n, (kind, *_) in enumerate(self.contents) if kind == "document"]
        return tuple(YamlNode(self, number + 1) for number in starts)

    @cached_property
    def _anchors(self) -> Mapping[str, Sequence[int]]:
        found: dict[str, list[int]] = {}
        for number, (kind, anchor, *_) in enumerate(self.contents):
            if kind in ("scalar", "mapping", "list") and anchor:
                found.setdefault(str(anchor), []).append(number)
        return found

    @cached_property
    def _inner(self) -> dict[int, "Stream"]:
        """The texts of scalars that are read as YAML themselves, by the scalar's event."""
        return {}

    def inner(self, number: int, read: Callable[[], "Stream"]) -> "Stream":
        """Return the YAML inside the scalar of an event, which `read` reads the first time. Raises what `read` raises."""
        if number not in self._inner:
            self._inner[number] = read()
        return self._inner[number]

    def anchored(self, anchor: str, before: int) -> int | None:
        """Return the event of the node that an alias before the event number `before` stands for, or None."""
        numbers = self._anchors.get(anchor, ())
        at = bisect_left(numbers, before)
        return numbers[at - 1] if at else None


@dataclass(frozen=True, eq=False)
class YamlNode:
    """A node: its events (`first` to `last`, both included), its span of the text (`start` to `end`) and its children.

    `children` are the items of a list, or the values of a mapping; `keys[i]` is the key of `children[i]`. `line` counts from 1.
    `in_flow` is true inside `{…}` and `[…]`.
    """

    stream: Stream
    first: int
    in_flow: bool = False

    @property
    def last(self) -> int:
        """The number of the last event."""
        return self.stream.ends[self.first]

    @property
    def kind(self) -> str:
        """One of scalar, alias, mapping, list."""
        return str(self.stream.contents[self.first][0])

    @property
    def anchor(self) -> str:
        """The anchor of a node, or the one that an alias names; "" without one."""
        return str(self.stream.contents[self.first][1] or "")

    @property
    def begin(self) -> int:
        """The position of the node with its anchor and its tag."""
        return self.stream.spans[self.first][0]

    @cached_property
    def start(self) -> int:
        """The position of the value itself, after its anchor and its tag."""
        if self.kind != "scalar" or not (self.anchor or self.stream.contents[self.first][3]):
            return self.begin
        tokens = scan(self.stream.text[self.begin : self.end])
        found = [begin for token, begin, _ in tokens if isinstance(token, yaml.ScalarToken)]
        return self.begin + found[0] if found else self.end

    @property
    def end(self) -> int:
        """The position after the node. For a mapping or list in block style, comments after it are included."""
        return self.stream.spans[self.last][1]

    @property
    def line(self) -> int:
        """The line of the node, from 1."""
        return self.stream.spans[self.first][2]

    @property
    def value(self) -> str:
        """The text of a scalar, or ""."""
        return str(self.stream.contents[self.first][2]) if self.kind == "scalar" else ""

    @property
    def style(self) -> str | None:
        """The style of a scalar: `'`, `"`, `|`, `>`, or None for plain."""
        style = self.stream.contents[self.first][4] if self.kind == "scalar" else None
        return str(style) if style else None

    @property
    def flow(self) -> bool:
        """True for `{…}` and `[…]`."""
        return self.kind in ("mapping", "list") and bool(self.stream.contents[self.first][4])

    @cached_property
    def key_nodes(self) -> Sequence["YamlNode"]:
        """The keys of a mapping."""
        return self._inner[::2] if self.kind == "mapping" else ()

    @cached_property
    def keys(self) -> Sequence[str]:
        """The texts of the keys."""
        return tuple(key.value for key in self.key_nodes)

    @cached_property
    def children(self) -> Sequence["YamlNode"]:
        """The items of a list, or the values of a mapping."""
        return self._inner[1::2] if self.kind == "mapping" else self._inner

    @cached_property
    def _inner(self) -> Sequence["YamlNode"]:
        if self.kind not in ("mapping", "list"):
            return ()
        found, at, flow = [], self.first + 1, self.in_flow or self.flow
        while at < self.last:
            found.append(YamlNode(self.stream, at, flow))
            at = self.stream.ends[at] + 1
        return tuple(found)

    def values_of(self, key: str) -> Sequence["YamlNode"]:
        """Return the values of a key; several for a key that is there several times."""
        if self.kind != "mapping":
            return ()
        return [child for name, child in zip(self.keys, self.children, strict=True) if name == key]

    @property
    def resolved(self) -> "YamlNode":
        """The node itself, or the node that an alias stands for."""
        if self.kind != "alias":
            return self
        target = self.stream.anchored(self.anchor, self.first)
        return self if target is None else YamlNode(self.stream, target)

    def field(self, keys: Sequence[str]) -> "YamlNode | None":
        """Return the node at some keys as a reader finds it, through aliases and merge keys; None if there is none.

        Of duplicate keys the last counts, as for most YAML readers.
        """
        node: YamlNode | None = self.resolved
        for key in keys:
            node = next(node.candidates(key), None) if node else None
        return node

    def candidates(self, key: str, within: frozenset[int] = frozenset()) -> Iterator["YamlNode"]:
        """Yield the values of a key: the mapping's own first, then those of its merge keys (yaml.org/type/merge)."""
        yield from (node.resolved for node in self.values_of(key)[::-1])
        for merged in self.merged():
            if merged.first not in within:
                yield from merged.candidates(key, within | {self.first})

    def merged(self) -> Iterator["YamlNode"]:
        """Yield the mappings that the merge keys of a mapping name."""
        for value in self.values_of("<<"):
            source = value.resolved
            yield from (item.resolved for item in (source.children if source.kind == "list" else [source]))

    @cached_property
    def _items(self) -> dict[tuple[tuple[str, ...], ...], dict[tuple[str, ...], list["YamlNode"]]]:
        """The items by the values of some keys, for each set of keys that was requested."""
        return {}

    def items_with(self, fields: Sequence[tuple[tuple[str, ...], str]]) -> Sequence["YamlNode"]:
        """Return the items of a list whose keys have these values, in the order of the list."""
        keys = tuple(key for key, _ in fields)
        if keys not in self._items:
            found: dict[tuple[str, ...], list[YamlNode]] = {}
            for item in self.children:
                nodes = [node for key in keys if (node := item.named(key)) is not None]
                if len(nodes) == len(keys):
                    found.setdefault(tuple(node.value for node in nodes), []).append(item)
            self._items[keys] = found
        return self._items[keys].get(tuple(value for _, value in fields), [])

    def named(self, keys: Sequence[str]) -> "YamlNode | None":
        """Return the field of a selector's key: the key that contains the dots itself, or else the path of keys."""
        return self.field([".".join(keys)]) or self.field(keys)


def scan(text: str) -> Iterator[tuple[Any, int, int]]:
    """Yield libyaml's tokens of a part of a text, each with its start and end. Raises yaml.YAMLError."""
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        yield token, token.start_mark.index, token.end_mark.index


def read_stream(text: str, *, file: str) -> Stream:
    """Read all documents of a text. Raises ConfigurationError if it is not well-formed YAML, and YamlLimitError."""
    # libyaml does not count a byte order mark.
    shift = int(text.startswith(BOM))
    body, contents, spans = text[shift:], [], []
    try:
        for event in limited_events(body, file=file):
            start = event.start_mark
            contents.append(content(event))
            spans.append((start.index + shift, event.end_mark.index + shift, start.line + 1))
    except yaml.YAMLError as error:
        # libyaml counts bytes.
        raise ConfigurationError([describe_parse_error(error, body.encode(), file=file)]) from error
    return Stream(text, contents, spans)
