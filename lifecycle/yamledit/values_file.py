"""Edits of values files, which other people wrote: an edit changes one value and keeps every other byte. Pure.

A value is replaced by its span of the text. Each edit is checked by reading the result again: only the intended events may
differ. A file may use all of YAML: several documents, anchors, merge keys, tags, any indentation.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from lifecycle.errors import ConfigurationError, UsageError
from lifecycle.yamledit.events import Stream, YamlNode, read_stream
from lifecycle.yamledit.key_path import Index, Key, KeyPath, Match, Segment
from lifecycle.yamledit.own_files import EditFailedError, NotEditableError


class MissingKeyError(UsageError):
    """A path that a file does not have."""

    def __init__(self, file: str, path: KeyPath, known: Sequence[Segment], keys: Iterable[str]) -> None:
        names = ", ".join(keys)
        at = f"`{KeyPath(tuple(known))}` has {names or 'no keys'}" if known else f"it has {names or 'no keys'}"
        super().__init__(f"{file}: there is no `{path}`: {at}; add it there, or correct the path in component.yaml")


class AmbiguousKeyError(UsageError):
    """A path that matches several values."""

    def __init__(self, file: str, path: KeyPath, lines: Iterable[int]) -> None:
        listed = " and ".join(map(str, lines))
        super().__init__(
            f"{file}: `{path}` matches lines {listed}: select a document, as in [kind=Shoot].metadata.name"
        )


@dataclass(frozen=True)
class ValuesFile:
    """A file's text while it is edited; each edit returns a new one."""

    text: str
    file: str

    @cached_property
    def stream(self) -> Stream:
        """The parsed file. Raises ConfigurationError if it is not well-formed YAML."""
        return read_stream(self.text, file=self.file)

    def get(self, path: KeyPath) -> str | None:
        """Return the scalar at a path, or an alias as `*name`. Return None if there is none, or a list or a mapping."""
        try:
            node = self.node(path)
        except MissingKeyError:
            return None
        return (
            node.value if node.kind == "scalar" else self.text[node.start : node.end] if node.kind == "alias" else None
        )

    def holds(self, path: KeyPath, value: str) -> bool:
        """Return whether a path has exactly this value, as a scalar on one line, so that `set` would change nothing.

        Raises MissingKeyError, AmbiguousKeyError.
        """
        node = self.node(path)
        return node.kind == "scalar" and node.style not in ("|", ">") and node.value == value

    def set(self, path: KeyPath, value: str) -> "ValuesFile":
        """Return the file with a new value at a path.

        An alias is replaced by the value, so that the anchor's own value stays. A value with an anchor keeps the anchor, so that
        its aliases change too. Raises MissingKeyError, AmbiguousKeyError, and NotEditableError if the path does not have a
        single value on one line.
        """
        node = self.node(path)
        if node.kind not in ("scalar", "alias") or node.style in ("|", ">"):
            where = f"{self.file}:{node.line}"
            raise NotEditableError(where, f"`{path}` is not a single value on one line", "write it as one")
        if self.holds(path, value):
            return self
        for written in _spellings(node, value):
            edited = self._replace(node.start, node.end, written)
            if edited._differs_only_at(self, node.first, value):
                return edited
        msg = f"the edit of `{path}` in {self.file} changed more than it should have: nothing was written"
        raise EditFailedError(msg)

    def node(self, path: KeyPath) -> YamlNode:
        """Return the node at a path, from the document that has it. Raises MissingKeyError, AmbiguousKeyError."""
        found = [node for document in self.stream.documents for node in _find(document, path.segments)]
        if not found:
            known, keys = max(
                (_known_part(document, path.segments) for document in self.stream.documents),
                key=lambda pair: len(pair[0]),
                default=((), ()),
            )
            raise MissingKeyError(self.file, path, known, keys)
        if len(found) > 1:
            raise AmbiguousKeyError(self.file, path, [node.line for node in found])
        return found[0]

    def _replace(self, start: int, end: int, written: str) -> "ValuesFile":
        return ValuesFile(self.text[:start] + written + self.text[end:], self.file)

    def _differs_only_at(self, before: "ValuesFile", number: int, value: str) -> bool:
        """Return whether the event `number` has the new value and all others are as before. Its style may differ too."""
        try:
            now, then = self.stream.events, before.stream.events
        except ConfigurationError:
            return False
        if len(now) != len(then) or now[:number] != then[:number] or now[number + 1 :] != then[number + 1 :]:
            return False
        anchor = None if then[number].is_alias else then[number].anchor
        return (now[number].kind, now[number].anchor, now[number].value) == ("ScalarEvent", anchor, value)


def _find(document: YamlNode, segments: Sequence[Segment]) -> Iterator[YamlNode]:
    """Yield the nodes of a document that a path matches. Its first segment may select the document: `[kind=Shoot]`."""
    first, *rest = segments
    if document.kind == "mapping" and isinstance(first, Match) and rest:
        segments = rest if _has(document, first.values) else segments
    yield from _walk(document, segments)


def _walk(node: YamlNode, segments: Sequence[Segment]) -> Iterator[YamlNode]:
    if not segments:
        yield node
        return
    for child in _children(node, segments[0]):
        yield from _walk(child, segments[1:])


def _children(node: YamlNode, segment: Segment) -> Sequence[YamlNode]:
    match segment:
        case Key(name):
            found = [child for key, child in zip(node.keys, node.children, strict=False) if key == name]
            return found if node.kind == "mapping" else []
        case Index(number):
            return [node.children[number]] if node.kind == "list" and number < len(node.children) else []
        case Match(values):
            return node.items_with(values) if node.kind == "list" else []


def _has(item: YamlNode, values: Sequence[tuple[str, str]]) -> bool:
    fields = {key: item.child(key) for key, _ in values}
    return all((field := fields[key]) is not None and field.value == value for key, value in values)


def _known_part(document: YamlNode, segments: Sequence[Segment]) -> tuple[Sequence[Segment], Sequence[str]]:
    """Return the part of a path that a document has, and the keys of the node there."""
    node, known = document, 0
    for segment in segments:
        children = _children(node, segment)
        if not children:
            break
        node, known = children[0], known + 1
    return segments[:known], node.keys or tuple(map(_name, node.children))


def _name(item: YamlNode) -> str:
    """Return the name of a list item for a message."""
    name = item.child("name")
    return name.value if name else f"an item on line {item.line}"


def _spellings(node: YamlNode, value: str) -> Iterator[str]:
    """Yield the ways to write a value in place of a node, the most similar first."""
    quoted = json.dumps(value, ensure_ascii=False)
    gap = " " if node.kind == "scalar" and node.start == node.end else ""
    if node.style == "'":
        yield "'" + value.replace("'", "''") + "'"
    elif not node.style and _stays_text(value, replaced=node.value):
        yield gap + value
    yield gap + quoted


def _stays_text(value: str, *, replaced: str) -> bool:
    """Return whether YAML reads a value without quotes as text, or as a whole number like the replaced one."""
    if value.isdecimal() and replaced.isdecimal() and str(int(value)) == value:
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
