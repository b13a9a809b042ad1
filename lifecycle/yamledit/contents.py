"""The content of YAML events without their positions, to compare two texts. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import yaml

# The content of one event, without its position: its kind, anchor, value, tag and style. A tuple of texts costs the garbage
# collector nothing, as opposed to PyYAML's events: a large file is read in a third of the time.
Content: TypeAlias = tuple[object, ...]
_KINDS = {
    yaml.ScalarEvent: "scalar",
    yaml.AliasEvent: "alias",
    yaml.MappingStartEvent: "mapping",
    yaml.SequenceStartEvent: "list",
    yaml.MappingEndEvent: "end",
    yaml.SequenceEndEvent: "end",
    yaml.DocumentStartEvent: "document",
}


def content(event: Any) -> Content:  # noqa: ANN401 - PyYAML's events
    """Return the content of one of PyYAML's events."""
    match kind := _KINDS.get(type(event), type(event).__name__):
        case "scalar":
            # A scalar's `implicit` follows from its tag and its style.
            return (kind, event.anchor, event.value, event.tag, event.style or None)
        case "mapping" | "list":
            return (kind, event.anchor, None, event.tag, bool(event.flow_style))
        case "alias":
            return (kind, event.anchor)
        case "document":
            return (kind, event.explicit, str(event.version), str(event.tags))
    return (kind, getattr(event, "explicit", None))


def changed(contents: Iterable[Content], values: Mapping[int, str]) -> list[Content]:
    """Return the contents of events, with new values of scalars or aliases by the numbers of their events."""
    new = list(contents)
    for number, value in values.items():
        kind, anchor = new[number][:2]
        new[number] = ("scalar", None if kind == "alias" else anchor, value)
    return new


def without_anchor(content: Content) -> Content:
    """Return the content of a node's event without its anchor; an alias stays as it is."""
    return (content[0], None, *content[2:]) if content[0] in ("scalar", "mapping", "list") else content


def anchors(contents: Iterable[Content], *, of_aliases: bool) -> set[object]:
    """Return the anchors that nodes have, or those that aliases name."""
    kinds = ("alias",) if of_aliases else ("scalar", "mapping", "list")
    return {content[1] for content in contents if content[0] in kinds} - {None}
