"""YAML as its events and the places they stand at: all of YAML, several documents, anchors, aliases and merge keys. Pure.

`yaml.compose` resolves aliases, so that a value and a mention of it look alike; events do not (YAML 1.2.2, section 3.2.2: the
serialization tree keeps anchors and aliases).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import yaml

from lifecycle.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node: the events it is made of (`first` to `last`, both included), its span of the text, and its children.

    `children` are the values of a mapping by their keys (`keys[i]` is that of `children[i]`), or the items of a list. `anchors`
    is true where the node, or one below it, has an anchor. `line` counts from 1.
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
    children: tuple["Node", ...] = ()

    def child(self, key: str) -> "Node | None":
        """The value of a key; the last, where the key stands twice, as most readers take it."""
        if self.kind != "mapping":
            return None
        found = [child for name, child in zip(self.keys, self.children, strict=True) if name == key]
        return found[-1] if found else None

    def items_with(self, values: Sequence[tuple[str, str]]) -> Sequence["Node"]:
        """The items of a list whose keys have these values, in their order."""
        keys = tuple(key for key, _ in values)
        if keys not in self._items:
            self._items[keys] = self._items_by(keys)
        return self._items[keys].get(tuple(value for _, value in values), [])

    @cached_property
    def _items(self) -> dict[tuple[str, ...], dict[tuple[str, ...], list["Node"]]]:
        """The items by the values of some keys, for each set of keys that was asked for: a file has one item for each image."""
        return {}

    def _items_by(self, keys: Sequence[str]) -> dict[tuple[str, ...], list["Node"]]:
        found: dict[tuple[str, ...], list[Node]] = {}
        for item in self.children:
            fields = [field for key in keys if (field := item.child(key)) is not None]
            if len(fields) == len(keys):
                found.setdefault(tuple(field.value for field in fields), []).append(item)
        return found


@dataclass(frozen=True)
class Event:
    """What one event says, without its place."""

    kind: str
    anchor: str | None
    value: str | None
    more: tuple[object, ...]

    @property
    def is_alias(self) -> bool:
        """Whether it mentions what an anchor names."""
        return self.kind == "AliasEvent"

    def without_anchor(self) -> "Event":
        """The same with no anchor; what mentions one stays."""
        return self if self.is_alias else replace(self, anchor=None)


@dataclass(frozen=True)
class Stream:
    """A file: what each event says, without its place, and the root node of each document."""

    events: tuple[Event, ...]
    documents: tuple[Node, ...]


def read_stream(text: str, *, file: str) -> Stream:
    """Read all documents of a text; raises ConfigurationError for what is no YAML."""
    try:
        events, starts = _parsed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        raise ConfigurationError([f"{at}: not well-formed YAML: {error.problem}: correct that line"]) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise ConfigurationError([f"{file}:{line}: not well-formed YAML: {error.reason}: correct that line"]) from error
    return Stream(tuple(map(_said, events)), tuple(_Builder(events, starts).documents()))


class _Loader(yaml.SafeLoader):
    """Notes, while it makes events of tokens, where the text of each scalar starts, by where it ends."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.starts: dict[int, int] = {}

    def get_token(self) -> Any:  # noqa: ANN401 - PyYAML's tokens
        """The next token, as the parser takes it."""
        token: Any = super().get_token()  # type: ignore[no-untyped-call]
        if isinstance(token, yaml.ScalarToken):
            self.starts[token.end_mark.index] = token.start_mark.index
        return token


def _parsed(text: str) -> tuple[list[Any], dict[int, int]]:
    """The events of a text, and the starts of its scalars; raises what PyYAML raises."""
    loader: Any = _Loader(text)
    try:
        events = []
        while loader.check_event():
            events.append(loader.get_event())
        return events, loader.starts
    finally:
        loader.dispose()


def _said(event: Any) -> Event:  # noqa: ANN401 - PyYAML's events
    """What an event says. A scalar's `implicit` is left out: it follows from the tag and the style."""
    more = tuple(
        str(getattr(event, name, "")) for name in ("tag", "style", "flow_style", "explicit", "version", "tags")
    )
    return Event(type(event).__name__, getattr(event, "anchor", None), getattr(event, "value", None), more)


class _Builder:
    def __init__(self, events: Sequence[Any], starts: dict[int, int]) -> None:
        self.events = events
        self.starts = starts
        self.at = 0

    def documents(self) -> Iterator[Node]:
        while self.at < len(self.events):
            if isinstance(self.events[self.at], yaml.DocumentStartEvent):
                self.at += 1
                yield self.node()
            self.at += 1

    def node(self) -> Node:
        """The node that starts at the current event, which is then the one after it."""
        first, event = self.at, self.events[self.at]
        end: int = event.end_mark.index
        self.at += 1
        if isinstance(event, yaml.AliasEvent):
            return self.made("alias", first, event)
        if isinstance(event, yaml.ScalarEvent):
            # With an anchor or a tag the event starts there; the text itself is the token's.
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

    def made(self, kind: str, first: int, event: Any, *, start: int | None = None, **more: Any) -> Node:  # noqa: ANN401 - PyYAML's events
        last = self.events[self.at - 1]
        empty = kind == "scalar" and start is None
        begin = event.end_mark.index if empty else event.start_mark.index if start is None else start
        return Node(
            kind=kind,
            first=first,
            last=self.at - 1,
            start=begin,
            end=last.end_mark.index,
            line=event.start_mark.line + 1,
            **more,
        )
