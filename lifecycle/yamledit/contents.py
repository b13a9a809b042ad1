"""The content of YAML events without their positions, to compare two texts. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.events import Content, Stream, read_stream
from lifecycle.yamledit.own_files import EditFailedError

# Of a scalar in any style: its kind, anchor and value.
_ANY_STYLE = 3


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
