"""Errors of paths that lead to no place, or to several, each with the kind of the node in the way. Pure."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from lifecycle.errors import UsageError
from lifecycle.yamledit.events import YamlNode
from lifecycle.yamledit.key_path import Index, Key, KeyPath, Match, Segment

# The most names in a message.
_SHOWN = 12
_KIND, _NAME = ("kind",), ("metadata", "name")


class MissingKeyError(UsageError):
    """A path that a file does not have."""

    def __init__(self, file: str, path: KeyPath, reason: str) -> None:
        super().__init__(f"{file}: there is no `{path}`: {reason}; add it there, or correct the path in component.yaml")


class UnreachableKeyError(MissingKeyError):
    """A path through a node that has no keys of its own: an alias, a merge key, a text."""

    def __init__(self, where: str, path: KeyPath, obstacle: str) -> None:
        UsageError.__init__(self, f"{where}: `{path}` cannot be edited: {obstacle}")


class DoubledKeyError(UsageError):
    """A key that a mapping has several times."""

    def __init__(self, file: str, path: KeyPath, lines: Iterable[int]) -> None:
        there = f"on lines {listed(map(str, lines), ' and ')} of one mapping"
        super().__init__(f"{file}: the key `{path}` is {there}, and readers take one of them: remove the others")


class AmbiguousKeyError(UsageError):
    """A path that matches several values: in several documents, or in several items of a list."""

    def __init__(self, file: str, path: KeyPath, lines: Iterable[int], documents: Sequence[YamlNode]) -> None:
        remedy = f"select a document, as in {_selector(documents, path)}" if documents else "select one item"
        super().__init__(f"{file}: `{path}` matches lines {listed(map(str, lines), ' and ')}: {remedy}")


def listed(names: Iterable[str], separator: str = ", ") -> str:
    """Return names for a sentence; of many, the first ones and the number of the others."""
    shown = [name for name in names if name]
    more = [f"{len(shown) - _SHOWN} more"] if len(shown) > _SHOWN else []
    return separator.join([*shown[:_SHOWN], *more])


def _selector(documents: Sequence[YamlNode], path: KeyPath) -> str:
    """Return a path with a selector that only the first document matches, if its kind and name suffice."""
    kinds = [_field(document, _KIND) for document in documents]
    names = [_field(document, _NAME) for document in documents]
    rest = KeyPath(path.segments[1:] if isinstance(path.segments[0], Match) else path.segments)
    if not kinds[0]:
        return f"[kind=Shoot,metadata.name=a].{rest}"
    if kinds.count(kinds[0]) == 1 or not names[0]:
        return f"[kind={kinds[0]}].{rest}"
    return str(KeyPath((Match((("kind", kinds[0]), ("metadata.name", names[0]))), *rest.segments)))


def describe_document(document: YamlNode) -> str:
    """Return the kind and name of a Kubernetes object, or the line of another document."""
    kind, name = _field(document, _KIND), _field(document, _NAME)
    return f"kind={kind},metadata.name={name}" if kind and name else f"a document on line {document.line}"


def _field(document: YamlNode, keys: Sequence[str]) -> str:
    node = document.field(keys)
    return node.value if node else ""


def describe_children(node: YamlNode, segment: Segment) -> str:
    """Return what a mapping or a list has, in place of the segment of a path."""
    if node.kind == "list":
        names = [f.value if (f := item.field(["name"])) else "" for item in node.children]
        lines = [f"an item on line {item.line}" for item in node.children]
        named = [name or line for name, line in zip(names, lines, strict=True)]
        there = listed(named) if any(names) else f"{len(names)} items"
        remedy = ": select an item by its number or a value, as in [0] or [name=…]" if isinstance(segment, Key) else ""
        return f"is a list with {there}{remedy}"
    close = get_close_matches(segment.name, node.keys) if isinstance(segment, Key) else []
    keys = listed(dict.fromkeys([*close, *node.keys] if len(node.keys) > _SHOWN else node.keys)) or "no keys"
    return f"has {keys}" if isinstance(segment, Key) else f"is a mapping, not a list, with {keys}"


def describe_obstacle(node: YamlNode, rest: Sequence[Segment]) -> str:
    """Return why a path cannot go on at a node, and where to edit; "" if the node only lacks the key."""
    match node.kind:
        case "alias":
            return f"is an alias of {_anchor(node, rest)}, or write the value out here"
        case "scalar":
            return _describe_text(node)
        case "mapping" if isinstance(rest[0], Key):
            source = next((m for m in node.merged() if next(m.candidates(rest[0].name), None)), None)
            if source is not None:
                key = f"has `{rest[0].name}` only from its merge key (`<<`)"
                return f"{key}, of {_described(source, rest)}, or add the key here"
    return ""


def _describe_text(node: YamlNode) -> str:
    if node.style == "|":
        return "is a text block (`|`) whose text is not YAML with this key: edit it by hand"
    if node.style == ">":
        return "is folded text (`>`): make it a literal text block (`|`), or edit it by hand"
    if "\n" in node.value:
        return "is text within quotes: make it a literal text block (`|`), or edit it by hand"
    if not node.value and not node.style:
        return "has no value: write its keys below it"
    return f"is a single value, {node.value[:40]!r}: correct the path in component.yaml"


def _anchor(node: YamlNode, rest: Sequence[Segment]) -> str:
    target = node.resolved
    if target is node:
        return f"&{node.anchor}, which the file does not define: define it"
    return _described(target, rest)


def _described(target: YamlNode, rest: Sequence[Segment]) -> str:
    """Return the anchor, line and path of a node that others share; `rest` is the path inside it."""
    name = f"&{target.anchor}" if target.anchor else "a mapping"
    place = path_of(target) + KeyPath(tuple(rest))
    return f"{name} on line {target.line}: set `{place}`, which changes all its uses"


def path_of(node: YamlNode) -> KeyPath:
    """Return the path of a node in its document, with the numbers of list items; of a key, the path of its mapping."""
    segments: list[Segment] = []
    at = next(d for d in node.stream.documents if d.first <= node.first <= d.last)
    while at.first != node.first:
        inside = (n for n, child in enumerate(at.children) if child.first <= node.first <= child.last)
        number = next(inside, None)
        if number is None:
            break
        segments.append(Key(at.keys[number]) if at.kind == "mapping" else Index(number))
        at = at.children[number]
    return KeyPath(tuple(segments))
