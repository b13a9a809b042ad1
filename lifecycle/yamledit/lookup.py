"""The node that a path leads to in a file with YAML documents, or the reason that there is none. Pure.

A path may lead into a text block (`|`) that is YAML itself, such as `helm.values` of an Argo CD Application.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.events import Stream, YamlNode, read_stream
from lifecycle.yamledit.key_path import Index, Key, KeyPath, Match, Segment
from lifecycle.yamledit.lookup_errors import (
    AmbiguousKeyError,
    DoubledKeyError,
    MissingKeyError,
    UnreachableKeyError,
    describe_children,
    describe_document,
    describe_obstacle,
    listed,
)


@dataclass(frozen=True, eq=False)
class Place:
    """A node that a path leads to. `trail` has the nodes around it, from the document on.

    `doubled` are the lines of a key on the way that its mapping has several times, with the part of the path up to that key.
    """

    node: YamlNode
    trail: tuple[YamlNode, ...]
    doubled: tuple[KeyPath, tuple[int, ...]] | None = None

    @property
    def blocks(self) -> tuple[YamlNode, ...]:
        """The text blocks around the node, the outermost first."""
        return tuple(node for node in self.trail if node.kind == "scalar")

    @property
    def line(self) -> int:
        """The line in the file, from 1."""
        return sum(block.line for block in self.blocks) + self.node.line


def find(stream: Stream, path: KeyPath, *, file: str) -> Place:
    """Return the place of a path. Raises MissingKeyError, UnreachableKeyError, DoubledKeyError, AmbiguousKeyError."""
    found = [place for document in stream.documents for place in _in_document(document, path)]
    if not found:
        raise _missing(stream, path, file)
    for place in found:
        if place.doubled:
            raise DoubledKeyError(file, *place.doubled)
    if len(found) > 1:
        roots = [place.trail[0] for place in found]
        documents = roots if roots[0] is not roots[1] else []
        raise AmbiguousKeyError(file, path, [place.line for place in found], documents)
    return found[0]


def _in_document(document: YamlNode, path: KeyPath) -> Iterator[Place]:
    """Yield the places in a document. The first segment of a path may select the document: `[kind=Shoot]`."""
    start = 1 if _selects(document, path.segments) else 0
    yield from _walk(Place(document, ()), path, start)


def _selects(document: YamlNode, segments: Sequence[Segment]) -> bool:
    first, *rest = segments
    if document.kind != "mapping" or not isinstance(first, Match) or not rest:
        return False
    fields = [(document.named(keys), value) for keys, value in first.fields]
    return all(field is not None and field.value == value for field, value in fields)


def _walk(place: Place, path: KeyPath, at: int) -> Iterator[Place]:
    if at == len(path.segments):
        yield place
        return
    segment, trail = path.segments[at], (*place.trail, place.node)
    inner = text_block(place.node)
    if inner is not None:
        for document in inner.documents:
            yield from _walk(Place(document, trail, place.doubled), path, at)
        return
    children, doubled = _children(place.node, segment), place.doubled
    if isinstance(segment, Key) and len(children) > 1:
        lines = tuple(Place(key, trail).line for key in place.node.key_nodes if key.value == segment.name)
        doubled = doubled or (KeyPath(path.segments[: at + 1]), lines)
    for child in children:
        yield from _walk(Place(child, trail, doubled), path, at + 1)


def text_block(node: YamlNode) -> Stream | None:
    """Return the YAML in a literal text block (`|`), or None for other nodes and other text."""
    if node.style != "|":
        return None
    try:
        return node.stream.inner(node.first, lambda: read_stream(node.value, file=""))
    except ConfigurationError:
        return None


def _children(node: YamlNode, segment: Segment) -> Sequence[YamlNode]:
    match segment:
        case Key(name):
            return node.values_of(name)
        case Index(number):
            return [node.children[number]] if node.kind == "list" and number < len(node.children) else []
        case Match():
            return node.items_with(segment.fields) if node.kind == "list" else []


def _missing(stream: Stream, path: KeyPath, file: str) -> MissingKeyError:
    first, documents = path.segments[0], [d for d in stream.documents if _selects(d, path.segments)]
    if not documents and isinstance(first, Match) and all(d.kind == "mapping" for d in stream.documents):
        there = listed(map(describe_document, stream.documents), "; ") or "no document"
        return MissingKeyError(file, path, f"no document matches `{KeyPath((first,))}`: the file has {there}")
    reached = [_deepest(document, path) for document in documents or stream.documents]
    if not reached:
        return MissingKeyError(file, path, "the file has no document")
    place, at = max(reached, key=lambda pair: pair[1])
    where = f"`{KeyPath(path.segments[:at])}`" if at else "the document"
    obstacle = describe_obstacle(place.node, path.segments[at:])
    if obstacle:
        return UnreachableKeyError(f"{file}:{place.line}", path, f"{where} {obstacle}")
    return MissingKeyError(file, path, f"{where} {describe_children(place.node, path.segments[at])}")


def _deepest(document: YamlNode, path: KeyPath) -> tuple[Place, int]:
    """Return the last place of a document on a path, and the number of segments up to it."""
    place, at = Place(document, ()), 1 if _selects(document, path.segments) else 0
    while at < len(path.segments):
        inner = text_block(place.node)
        children = list(inner.documents) if inner else _children(place.node, path.segments[at])
        if not children:
            break
        place = Place(children[0], (*place.trail, place.node))
        at += 0 if inner else 1
    return place, at
