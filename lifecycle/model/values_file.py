"""Edits of values files, which other people wrote: what an edit does not name stays byte for byte. Pure.

A value is replaced by its span of the text. Every edit is proven by reading the result again: its events are those of before but
for what was to change. All of YAML may stand in a file: several documents, anchors, merge keys, tags, any indentation.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from lifecycle.errors import ConfigurationError, UsageError
from lifecycle.model.key_path import Index, Key, KeyPath, Segment, Where
from lifecycle.model.yaml_edit import EditFailedError, NotEditableError
from lifecycle.model.yaml_nodes import Node, Stream, read_stream


class MissingKeyError(UsageError):
    """A path that a file does not have."""

    def __init__(self, file: str, path: KeyPath, known: Sequence[Segment], there: Iterable[str]) -> None:
        names = ", ".join(there)
        at = f"`{KeyPath(tuple(known))}` has {names or 'no keys'}" if known else f"it has {names or 'no keys'}"
        super().__init__(f"{file}: there is no `{path}`: {at}; add it there, or correct the path in component.yaml")


class AmbiguousKeyError(UsageError):
    """A path that leads to several places."""

    def __init__(self, file: str, path: KeyPath, lines: Iterable[int]) -> None:
        listed = " and ".join(map(str, lines))
        super().__init__(
            f"{file}: `{path}` stands on lines {listed}: say which document is meant, as in [kind=Shoot].metadata.name"
        )


@dataclass(frozen=True)
class ValuesFile:
    """A file's text while it is edited; each edit returns a new one."""

    text: str
    file: str

    @cached_property
    def stream(self) -> Stream:
        """The file, read; raises ConfigurationError for what is no YAML."""
        return read_stream(self.text, file=self.file)

    def get(self, path: KeyPath) -> str | None:
        """The single value at a path, as it is written; an alias as `*name`. None where there is none, or no single one."""
        try:
            node = self.node(path)
        except MissingKeyError:
            return None
        return (
            node.value if node.kind == "scalar" else self.text[node.start : node.end] if node.kind == "alias" else None
        )

    def holds(self, path: KeyPath, value: str) -> bool:
        """Whether that very value stands at a path, on one line and in no other's stead: `set` would change nothing.

        Raises MissingKeyError, AmbiguousKeyError.
        """
        node = self.node(path)
        return node.kind == "scalar" and node.style not in ("|", ">") and node.value == value

    def set(self, path: KeyPath, value: str) -> "ValuesFile":
        """Replace a single value; in the stead of an alias the value itself is written, so that what it stood for stays.

        A value that has an anchor keeps it: what mentions it changes with it. Raises MissingKeyError, AmbiguousKeyError, and
        NotEditableError for what is no single value on one line.
        """
        node = self.node(path)
        if node.kind not in ("scalar", "alias") or node.style in ("|", ">"):
            where = f"{self.file}:{node.line}"
            raise NotEditableError(where, f"`{path}` is no single value on one line", "write it as one")
        if self.holds(path, value):
            return self
        for written in _writings(node, value):
            edited = self._with(node.start, node.end, written)
            if edited._differs_at(self, node.first, value):
                return edited
        msg = f"the edit of `{path}` in {self.file} changed more than it should have: nothing was written"
        raise EditFailedError(msg)

    def node(self, path: KeyPath) -> Node:
        """The node at a path, in whichever document has it; raises MissingKeyError, AmbiguousKeyError."""
        found = [node for document in self.stream.documents for node in _in_document(document, path.segments)]
        if not found:
            known, there = max(
                (_known(document, path.segments) for document in self.stream.documents),
                key=lambda pair: len(pair[0]),
                default=((), ()),
            )
            raise MissingKeyError(self.file, path, known, there)
        if len(found) > 1:
            raise AmbiguousKeyError(self.file, path, [node.line for node in found])
        return found[0]

    def _with(self, start: int, end: int, written: str) -> "ValuesFile":
        return ValuesFile(self.text[:start] + written + self.text[end:], self.file)

    def _differs_at(self, before: "ValuesFile", number: int, value: str) -> bool:
        """Whether this file says what another one said, but for one value; a style may follow from the value."""
        try:
            now, then = self.stream.events, before.stream.events
        except ConfigurationError:
            return False
        if len(now) != len(then) or now[:number] != then[:number] or now[number + 1 :] != then[number + 1 :]:
            return False
        anchor = None if then[number].is_alias else then[number].anchor
        return (now[number].kind, now[number].anchor, now[number].value) == ("ScalarEvent", anchor, value)


def _in_document(document: Node, segments: Sequence[Segment]) -> Iterator[Node]:
    """As `_walk`, but that a path may start with what a document that is a mapping says: `[kind=Shoot].metadata.name`."""
    first, *rest = segments
    if document.kind == "mapping" and isinstance(first, Where) and rest:
        segments = rest if _has(document, first.values) else segments
    yield from _walk(document, segments)


def _walk(node: Node, segments: Sequence[Segment]) -> Iterator[Node]:
    if not segments:
        yield node
        return
    for child in _children(node, segments[0]):
        yield from _walk(child, segments[1:])


def _children(node: Node, segment: Segment) -> Sequence[Node]:
    match segment:
        case Key(name):
            found = [child for key, child in zip(node.keys, node.children, strict=False) if key == name]
            return found if node.kind == "mapping" else []
        case Index(number):
            return [node.children[number]] if node.kind == "list" and number < len(node.children) else []
        case Where(values):
            return node.items_with(values) if node.kind == "list" else []


def _has(item: Node, values: Sequence[tuple[str, str]]) -> bool:
    fields = {key: item.child(key) for key, _ in values}
    return all((field := fields[key]) is not None and field.value == value for key, value in values)


def _known(document: Node, segments: Sequence[Segment]) -> tuple[Sequence[Segment], Sequence[str]]:
    """As much of a path as a document has, and what it has there."""
    node, known = document, 0
    for segment in segments:
        children = _children(node, segment)
        if not children:
            break
        node, known = children[0], known + 1
    return segments[:known], node.keys or tuple(map(_name, node.children))


def _name(item: Node) -> str:
    """What an item of a list is called in a message."""
    name = item.child("name")
    return name.value if name else f"an item on line {item.line}"


def _writings(node: Node, value: str) -> Iterator[str]:
    """How a value may be written in a node's stead, the likest first."""
    quoted = json.dumps(value, ensure_ascii=False)
    gap = " " if node.kind == "scalar" and node.start == node.end else ""
    if node.style == "'":
        yield "'" + value.replace("'", "''") + "'"
    elif not node.style and _stays_text(value, instead_of=node.value):
        yield gap + value
    yield gap + quoted


def _stays_text(value: str, *, instead_of: str) -> bool:
    """Whether a value without quotes is read as a text, or as a whole number like the one in whose stead it stands."""
    if value.isdecimal() and instead_of.isdecimal() and str(int(value)) == value:
        return True
    resolve: Any = yaml.SafeLoader("").resolve
    if resolve(yaml.ScalarNode, value, (True, False)) != "tag:yaml.org,2002:str":
        return False
    try:
        float(value)
    except ValueError:
        return not re.match(r"0[xXoObB][0-9a-fA-F_]+$", value)
    # YAML 1.2 readers, Helm's and kustomize's among them, know numbers that YAML 1.1 does not: 1e3.
    return False
