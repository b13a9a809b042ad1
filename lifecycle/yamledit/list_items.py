"""Edits of lists in values files: items are copied and removed by their lines, and checked as in values_file.py. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping

import yaml

from lifecycle.yamledit.contents import anchors, changed, without_anchor
from lifecycle.yamledit.events import BOM, YamlNode, scan
from lifecycle.yamledit.key_path import Index, KeyPath
from lifecycle.yamledit.lookup import Place
from lifecycle.yamledit.lookup_errors import path_of
from lifecycle.yamledit.own_files import EditFailedError, NotEditableError
from lifecycle.yamledit.replacements import Replacement, apply, plan
from lifecycle.yamledit.sops import refuse_encrypted
from lifecycle.yamledit.values_file import ValuesFile

_LINE_END = re.compile(r"\r\n|\r|\n")
_HEADER = re.compile(r"([|>]\d?)[+-]?(\d?)")
_HEADER_KEEPS = re.compile(r"[|>]\d?\+")


def items(file: ValuesFile, path: KeyPath) -> list[KeyPath]:
    """Return the paths of a list's items. Raises MissingKeyError, AmbiguousKeyError, NotEditableError."""
    place = file.place(path)
    node, where = place.node, f"{file.file}:{place.line}"
    what = f"`{path}` is not a list that can be edited"
    if node.kind == "alias" and node.resolved is not node:
        raise NotEditableError(where, f"{what}: it is an alias", f"name `{path_of(node.resolved)}` in component.yaml")
    if place.blocks:
        raise NotEditableError(
            where, f"{what}: it is inside a text block", "write it as YAML outside of the text block"
        )
    if node.kind != "list" or node.flow:
        raise NotEditableError(where, what, "write its items after dashes")
    return [KeyPath((*path.segments, Index(number))) for number in range(len(node.children))]


def copy_items(file: ValuesFile, path: KeyPath, copies: Mapping[int, Mapping[KeyPath, str]]) -> ValuesFile:
    """Return the file with a copy after each of some items of a list: `copies` has the new values of a copy by its item's number.

    Anchors stay with the item. Raises what `items` and `ValuesFile.set_all` raise.
    """
    if not copies:
        return file
    try:
        return _copied(file, path, copies, quoted=False)
    except EditFailedError:
        return _copied(file, path, copies, quoted=True)


def _copied(
    file: ValuesFile, path: KeyPath, copies: Mapping[int, Mapping[KeyPath, str]], *, quoted: bool
) -> ValuesFile:
    paths, stream = items(file, path), file.stream
    wanted = list(stream.contents)
    replacements: list[Replacement] = []
    refuse_encrypted(stream, [file.node(paths[number]) for number in copies], file=file.file)
    for number in sorted(copies, reverse=True):
        place = file.place(paths[number])
        new = file.places_to_change({paths[number] + inner: value for inner, value in copies[number].items()})
        planned = plan(stream, new, quoted=quoted, file=file.file)
        first, last = _lines(file, place)
        inside = [*planned.replacements, *_anchor_removals(file.text, first, last)]
        copy = apply(file.text[first:last], [Replacement(r.start - first, r.end - first, r.written) for r in inside])
        newline = ""
        if not _LINE_END.search(file.text[last - 1 : last]):
            newline = "\r\n" if "\r\n" in file.text else "\n"
            replacements += _header_without_line_end(file.text, place.node)
        replacements.append(Replacement(last, last, newline + copy))
        item = place.node
        contents = changed(stream.contents, planned.values)[item.first : item.last + 1]
        wanted[item.last + 1 : item.last + 1] = map(without_anchor, contents)
    return file.checked(apply(file.text, replacements), wanted)


def remove_items(file: ValuesFile, path: KeyPath, numbers: Collection[int]) -> ValuesFile:
    """Return the file without some items of a list.

    Raises what `items` raises, EncryptedFileError, and NotEditableError for all the items, or one with an anchor that has aliases
    elsewhere.
    """
    if not numbers:
        return file
    paths, wanted = items(file, path), list(file.stream.contents)
    places = [file.place(paths[number]) for number in sorted(numbers, reverse=True)]
    refuse_encrypted(file.stream, [place.node for place in places], file=file.file)
    removed = []
    for place in places:
        where = f"{file.file}:{place.line}"
        if len(paths) == len(places):
            raise NotEditableError(where, f"it is the only item of `{path}`", "add another item first")
        del wanted[place.node.first : place.node.last + 1]
        if not anchors(wanted, of_aliases=True) <= anchors(wanted, of_aliases=False):
            raise NotEditableError(where, "its anchor is used elsewhere", "move the anchor out of it")
        first, last = _lines(file, place)
        removed.append(Replacement(first, _after_removal(place, numbers, last), ""))
    return file.checked(apply(file.text, removed), wanted)


def _lines(file: ValuesFile, place: Place) -> tuple[int, int]:
    """Return where the lines of a list item start and end: from its dash to its last word. Raises NotEditableError."""
    text, item = file.text, place.node
    dash = _dash(place)
    first = max(text.rfind("\n", 0, dash), text.rfind("\r", 0, dash)) + 1
    if dash < 0 or text[first:dash].strip(" \t" + BOM):
        where = f"{file.file}:{place.line}"
        raise NotEditableError(where, "the item does not begin on a line of its own", "write it on one")
    end = _last_end(item)
    leaf = _last_leaf(item)
    if leaf.style in ("|", ">") and _LINE_END.search(text[end - 1 : end]):
        return first, end
    match = _LINE_END.search(text, max(end, dash))
    return first, match.end() if match else len(text)


def _dash(place: Place) -> int:
    """Return the position of a list item's dash, or -1 for one that cannot be found."""
    siblings, text = place.trail[-1].children, place.node.stream.text
    number = next(n for n, child in enumerate(siblings) if child.first == place.node.first)
    before = _last_end(siblings[number - 1]) if number else place.trail[-1].begin
    # Only white space, comments and the dash are between two items. A tab is allowed after a value, which the quotes stand for.
    value = '""' if number and not _LINE_END.match(text[before - 1 : before]) else ""
    try:
        tokens = list(scan(value + text[before : place.node.begin]))
    except yaml.YAMLError:
        return -1
    dashes = [start for token, start, _ in tokens if isinstance(token, yaml.BlockEntryToken)]
    return before + dashes[0] - len(value) if len(dashes) == 1 else -1


def _after_removal(place: Place, removed: Collection[int], last: int) -> int:
    """Return where the text goes on after a removed item whose lines end at `last`.

    Empty lines and comments after the item must not become a part of a text block that ends the item before.
    """
    siblings, text = place.trail[-1].children, place.node.stream.text
    before = [n for n, item in enumerate(siblings) if n not in removed and item.first < place.node.first]
    leaf = _last_leaf(siblings[before[-1]]) if before else None
    if leaf is None or leaf.style not in ("|", ">"):
        return last
    indent = _indent(leaf)
    follow = re.compile(rf"(?:[ \t]*(?:\r\n|\r|\n)| {{{indent},}}#.*(?:\r\n|\r|\n|$))*").match(text, last)
    end = follow.end() if follow else last
    if _HEADER_KEEPS.match(text, leaf.start):
        return end
    comment = text.rfind("#", last, end)
    newline = _LINE_END.search(text, comment) if comment >= 0 else None
    return newline.end() if newline else end if comment >= 0 else last


def _indent(block: YamlNode) -> int:
    """Return the number of spaces before each line of a text block that are not a part of its text."""
    written, said = block.stream.text[block.start : block.end].splitlines()[1:], block.value.splitlines()
    first = [next((line for line in lines if line.strip()), " ") for lines in (written, said)]
    outer, inner = (len(line) - len(line.lstrip(" ")) for line in first)
    return max(outer - inner, 1)


def _last_leaf(node: YamlNode) -> YamlNode:
    return node if node.flow or not node.children else _last_leaf(node.children[-1])


def _last_end(node: YamlNode) -> int:
    """Return where a node's last word ends. The end mark of a block is too late: it follows the comments after the block."""
    leaf = _last_leaf(node)
    text = leaf.stream.text
    if leaf.style not in ("|", ">") or _HEADER_KEEPS.match(text, leaf.start):
        return leaf.end
    # Empty lines after the text are not a part of it, unless it keeps them (`|+`).
    block = text[leaf.start : leaf.end]
    last_word = leaf.start + len(block.rstrip("\r\n"))
    match = _LINE_END.match(text, last_word)
    return match.end() if match else last_word


def _header_without_line_end(text: str, item: YamlNode) -> Iterator[Replacement]:
    """Yield the header (`|-`) with which a text block at the end of a file keeps its text once its last line gets an end."""
    leaf = _last_leaf(item)
    header = _HEADER.match(text, leaf.start)
    if leaf.style in ("|", ">") and header is not None and not leaf.value.endswith("\n"):
        yield Replacement(header.start(), header.end(), f"{header[1]}-{header[2]}")


def _anchor_removals(text: str, first: int, last: int) -> Iterator[Replacement]:
    """Yield the removal of each anchor between two positions, with the white space beside it."""
    for token, start, end in scan(text[first:last]):
        if isinstance(token, yaml.AnchorToken):
            begin, after = first + start, first + end
            following = len(text[after:last]) - len(text[after:last].lstrip(" \t"))
            if text[after + following : after + following + 1] in ("", "\r", "\n", "#", ",", "}", "]"):
                begin = len(text[:begin].rstrip(" \t"))
            else:
                after += following
            yield Replacement(begin, after, "")
