"""Edits of lists in values files: items are copied and removed by their lines, and checked as in values_file.py. Pure."""

import re
from collections.abc import Iterable

import yaml

from lifecycle.yamledit.events import Event, YamlNode
from lifecycle.yamledit.key_path import Index, KeyPath
from lifecycle.yamledit.own_files import EditFailedError, NotEditableError
from lifecycle.yamledit.values_file import ValuesFile

_ANCHOR = re.compile(r"&[^\s\[\]{},]+[ \t]*")


def items(file: ValuesFile, path: KeyPath) -> list[KeyPath]:
    """Return the paths of a list's items. Raises MissingKeyError, AmbiguousKeyError, NotEditableError."""
    node = file.node(path)
    if node.kind != "list" or node.flow:
        what = f"`{path}` is not a list that can be edited"
        raise NotEditableError(f"{file.file}:{node.line}", what, "write its items after dashes")
    return [KeyPath((*path.segments, Index(number))) for number in range(len(node.children))]


def copy_item(file: ValuesFile, path: KeyPath, number: int) -> ValuesFile:
    """Return the file with a copy of a list item after it. Anchors stay with the item. Raises what `items` raises."""
    item = file.node(items(file, path)[number])
    first, last = _lines(file.text, item)
    newline = "\r\n" if "\r\n" in file.text else "\n"
    separator = "" if file.text[:last].endswith("\n") else newline
    text = file.text[:last] + separator + _without_anchors(file.text, first, last) + file.text[last:]
    events = file.stream.events
    before, copied, after = events[: item.last + 1], events[item.first : item.last + 1], events[item.last + 1 :]
    return _checked(ValuesFile(text, file.file), [*before, *(event.without_anchor() for event in copied), *after])


def remove_item(file: ValuesFile, path: KeyPath, number: int) -> ValuesFile:
    """Return the file without a list item.

    Raises what `items` raises, and NotEditableError for the only item, or one with an anchor that has aliases elsewhere.
    """
    paths = items(file, path)
    item = file.node(paths[number])
    where = f"{file.file}:{item.line}"
    if len(paths) == 1:
        raise NotEditableError(where, f"it is the only item of `{path}`", "add another item first")
    wanted = [*file.stream.events[: item.first], *file.stream.events[item.last + 1 :]]
    if not {e.anchor for e in wanted if e.is_alias} <= {e.anchor for e in wanted if not e.is_alias}:
        raise NotEditableError(where, "its anchor is used elsewhere", "move the anchor out of it")
    first, last = _lines(file.text, item)
    return _checked(ValuesFile(file.text[:first] + file.text[last:], file.file), wanted)


def _lines(text: str, item: YamlNode) -> tuple[int, int]:
    """Return where the lines of an item start and end: from its dash to its last word."""
    dashes = (
        t.start_mark.index for t in yaml.scan(text, Loader=yaml.SafeLoader) if isinstance(t, yaml.BlockEntryToken)
    )
    first = text.rfind("\n", 0, max(dash for dash in dashes if dash < item.start)) + 1
    last_word = len(text[: _last_end(item)].rstrip())
    return first, text.find("\n", max(last_word, item.start)) + 1 or len(text)


def _last_end(node: YamlNode) -> int:
    """Return where a node's last word ends. The end mark of a block is too late: it follows the comments after the block."""
    return node.end if node.flow or not node.children else _last_end(node.children[-1])


def _without_anchors(text: str, first: int, last: int) -> str:
    """Return the text between two positions without its anchors."""
    positions = [
        token.start_mark.index
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if isinstance(token, yaml.AnchorToken) and first <= token.start_mark.index < last
    ]
    for position in reversed(positions):
        match = _ANCHOR.match(text, position)
        end = match.end() if match else position
        start = len(text[:position].rstrip(" \t")) if text[end : end + 1] in ("", "\r", "\n") else position
        text, last = text[:start] + text[end:], last - (end - start)
    return text[first:last]


def _checked(file: ValuesFile, wanted: Iterable[Event]) -> ValuesFile:
    """Return the file if it has the wanted events. Raises EditFailedError."""
    if list(file.stream.events) != list(wanted):
        msg = f"the edit of {file.file} changed more than it should have: nothing was written"
        raise EditFailedError(msg)
    return file
