"""YAML as events with positions. Covers all of YAML: several documents, anchors, aliases and merge keys. Pure.

`yaml.compose` resolves aliases, so that a value and an alias of it look the same. Events keep them apart (YAML 1.2.2, section
3.2.2: the serialization tree keeps anchors and aliases).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import yaml

from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.reader import describe_parse_error


@dataclass(frozen=True, kw_only=True)
class YamlNode:
    """A node: its events (`first` to `last`, both included), its span of the text (`start` to `end`) and its children.

    `children` are the items of a list, or the values of a mapping; `keys[i]` is the key of `children[i]`. `line` counts from 1.
    """

    kind: str
    first: int
    last: int
    start: int
    end: int
    line: int
    value: str = ""
    style: str | None = None
    flow: bool = False
    keys: tuple[str, ...] = ()
    children: tuple["YamlNode", ...] = ()

    def child(self, key: str) -> "YamlNode | None":
        """Return the value of a key, or None. Of duplicate keys the last counts, as for most YAML readers."""
        if self.kind != "mapping":
            return None
        found = [child for name, child in zip(self.keys, self.children, strict=True) if name == key]
        return found[-1] if found else None

    def items_with(self, values: Sequence[tuple[str, str]]) -> Sequence["YamlNode"]:
        """Return the items of a list whose keys have these values, in the order of the list."""
        keys = tuple(key for key, _ in values)
        if keys not in self._items:
            self._items[keys] = self._items_by(keys)
        return self._items[keys].get(tuple(value for _, value in values), [])

    @cached_property
    def _items(self) -> dict[tuple[str, ...], dict[tuple[str, ...], list["YamlNode"]]]:
        """The items by the values of some keys, for each set of keys that was requested."""
        return {}

    def _items_by(self, keys: Sequence[str]) -> dict[tuple[str, ...], list["YamlNode"]]:
        found: dict[tuple[str, ...], list[YamlNode]] = {}
        for item in self.children:
            fields = [field for key in keys if (field := item.child(key)) is not None]
            if len(fields) == len(keys):
                found.setdefault(tuple(field.value for field in fields), []).append(item)
        return found


@dataclass(frozen=True)
class Event:
    """The content of one event, without its position."""

    kind: str
    anchor: str | None
    value: str | None
    details: tuple[object, ...]

    @property
    def is_alias(self) -> bool:
        """True for an alias, which refers to an anchor."""
        return self.kind == "AliasEvent"

    def without_anchor(self) -> "Event":
        """Return the event without its anchor; an alias stays as it is."""
        return self if self.is_alias else replace(self, anchor=None)


@dataclass(frozen=True)
class Stream:
    """A file: the content of each event, and the root node of each document."""

    events: tuple[Event, ...]
    documents: tuple[YamlNode, ...]


def read_stream(text: str, *, file: str) -> Stream:
    """Read all documents of a text. Raises ConfigurationError if it is not well-formed YAML."""
    try:
        events, starts = _parse(text)
    except yaml.YAMLError as error:
        raise ConfigurationError([describe_parse_error(error, text, file=file)]) from error
    return Stream(tuple(map(_event, events)), tuple(_NodeBuilder(events, starts).documents()))


class _Loader(yaml.SafeLoader):
    """A loader that records the start of each scalar's text by its end, while it turns tokens into events."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.starts: dict[int, int] = {}

    def get_token(self) -> Any:  # noqa: ANN401 - PyYAML's tokens
        """Return the next token to the parser."""
        token: Any = super().get_token()  # type: ignore[no-untyped-call]
        if isinstance(token, yaml.ScalarToken):
            self.starts[token.end_mark.index] = token.start_mark.index
        return token


def _parse(text: str) -> tuple[list[Any], dict[int, int]]:
    """Return the events of a text, and the start of each scalar by its end. Raises yaml.YAMLError."""
    loader: Any = _Loader(text)
    try:
        events = []
        while loader.check_event():
            events.append(loader.get_event())
        return events, loader.starts
    finally:
        loader.dispose()


def _event(event: Any) -> Event:  # noqa: ANN401 - PyYAML's events
    """Return the content of one of PyYAML's events, without a scalar's `implicit`: it follows from tag and style."""
    details = tuple(
        str(getattr(event, name, "")) for name in ("tag", "style", "flow_style", "explicit", "version", "tags")
    )
    return Event(type(event).__name__, getattr(event, "anchor", None), getattr(event, "value", None), details)


class _NodeBuilder:
    def __init__(self, events: Sequence[Any], starts: dict[int, int]) -> None:
        self.events = events
        self.starts = starts
        self.at = 0

    def documents(self) -> Iterator[YamlNode]:
        while self.at < len(self.events):
            if isinstance(self.events[self.at], yaml.DocumentStartEvent):
                self.at += 1
                yield self.node()
            self.at += 1

    def node(self) -> YamlNode:
        """Build the node that starts at the current event, and move on to the event after the node."""
        first, event = self.at, self.events[self.at]
        end: int = event.end_mark.index
        self.at += 1
        if isinstance(event, yaml.AliasEvent):
            return self.made("alias", first, event)
        if isinstance(event, yaml.ScalarEvent):
            # The event of a scalar with an anchor or a tag starts at these; only the token knows where the text starts.
            start = self.starts.get(end, end) if event.value or event.style else None
            return self.made("scalar", first, event, start=start, value=event.value, style=event.style)
        mapping = isinstance(event, yaml.MappingStartEvent)
        keys, children = [], []
        while not isinstance(self.events[self.at], yaml.CollectionEndEvent):
            if mapping:
                keys.append(self.node().value)
            children.append(self.node())
        self.at += 1
        kind = "mapping" if mapping else "list"
        flow = bool(event.flow_style)
        return self.made(kind, first, event, flow=flow, keys=tuple(keys), children=tuple(children))

    def made(self, kind: str, first: int, event: Any, *, start: int | None = None, **more: Any) -> YamlNode:  # noqa: ANN401 - PyYAML's events
        last = self.events[self.at - 1]
        empty = kind == "scalar" and start is None
        begin = event.end_mark.index if empty else event.start_mark.index if start is None else start
        return YamlNode(
            kind=kind,
            first=first,
            last=self.at - 1,
            start=begin,
            end=last.end_mark.index,
            line=event.start_mark.line + 1,
            **more,
        )
