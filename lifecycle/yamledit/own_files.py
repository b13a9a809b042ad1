"""Edits of the repository's own YAML files: an edit keeps every other byte, comments and odd indentation included. Pure.

libyaml's events tell where a value is. Each edit is checked by reading the result again: only the intended data may
differ. Lists that are edited must be in block style, with each item on its own lines.
"""

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lifecycle.errors import InstallerError, UsageError
from lifecycle.yamledit.events import Stream, YamlNode, read_stream
from lifecycle.yamledit.reader import Path, read_yaml

_COMMENT = re.compile(r"^(?P<indent>\s*)#\s?(?P<rest>\s*\S.*)$")


class NotEditableError(UsageError):
    """A value or a list whose style these edits do not support."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}: {remedy}")


class EditFailedError(InstallerError):
    """An edit that changed more than it should have: a bug in this program, found before anything is written."""

    def __init__(self, file: str) -> None:
        super().__init__(f"the edit of {file} changed more than it should have: nothing was written")


@dataclass(frozen=True)
class OwnFile:
    """A file's text while it is edited; each edit returns a new one."""

    text: str
    file: str

    @property
    def data(self) -> Any:  # noqa: ANN401 - any document
        """The parsed file, each scalar as its raw text."""
        return read_yaml(self.text, file=self.file).data

    def set(self, path: Path, value: str) -> "OwnFile":
        """Return the file with a new value for a scalar. Raises NotEditableError if the path has no scalar."""
        node = self._node(path)
        if node.kind != "scalar":
            raise NotEditableError(self._where(node), "expected a single value", "write it on one line")
        text = self.text[: node.start] + value + self.text[node.end :]
        return self._checked(text, lambda data: _put(data, path, value))

    def append(self, path: Path, line: str, value: object) -> "OwnFile":
        """Return the file with a new item at the end of a list; `line` is its text and `value` what it parses to.

        If a commented-out line has the same item, the new item replaces that line. Raises NotEditableError for a list that is
        empty or not in block style.
        """
        indent, last = self._block_list(path)
        lines = self.text.splitlines(keepends=True)
        commented = [n for n, text in enumerate(lines) if _holds(text, line)]
        if commented:
            at = commented[-1]
            place = sum(end <= at for _, end in self._spans(path))
            lines[at] = f"{indent}{line}\n"
        else:
            place = len(_get(self.data, path))
            lines[last - 1] = lines[last - 1].rstrip("\n") + "\n"
            lines.insert(last, f"{indent}{line}\n")
        return self._checked("".join(lines), lambda data: _get(data, path).insert(place, value))

    def comment_out(self, path: Path, note: str) -> "OwnFile":
        """Return the file with a list item turned into a comment that ends in a note. Raises NotEditableError as `append`."""
        *parent, index = path
        indent, _ = self._block_list(tuple(parent))
        first, last = self._spans(tuple(parent))[int(index)]
        lines = self.text.splitlines(keepends=True)
        for number in range(first, last):
            lines[number] = f"{indent}# {lines[number][len(indent) :]}"
        end = lines[first].rstrip("\n")
        lines[first] = f"{end}{'; ' if '#' in end.split('#', 1)[1] else '  # '}{note}\n"
        return self._checked("".join(lines), lambda data: _get(data, tuple(parent)).pop(int(index)))

    def _block_list(self, path: Path) -> tuple[str, int]:
        """Return the indentation of a list's items, and the number of the line after the last item."""
        node = self._node(path)
        if node.kind != "list" or node.flow or not node.children:
            remedy = "write each item on its own line, after a dash"
            raise NotEditableError(
                self._where(node), f"{'.'.join(map(str, path))} is not a list that can be edited", remedy
            )
        return " " * self._column(node), self._spans(path)[-1][1]

    def _spans(self, path: Path) -> list[tuple[int, int]]:
        """Return, for each list item, its first line and the line after its last. Comments after an item do not count."""
        return [(item.line - 1, self._last_line(item) + 1) for item in self._node(path).children]

    @cached_property
    def _stream(self) -> Stream:
        return read_stream(self.text, file=self.file)

    def _node(self, path: Path) -> YamlNode:
        node = self._stream.documents[0]
        for part in path:
            node = (node.children[part] if isinstance(part, int) else node.values_of(part)[-1]).resolved
        return node

    def _where(self, node: YamlNode) -> str:
        return f"{self.file}:{node.line}:{self._column(node) + 1}"

    def _column(self, node: YamlNode) -> int:
        return node.begin - (self.text.rfind("\n", 0, node.begin) + 1)

    def _last_line(self, node: YamlNode) -> int:
        """Return the last line of a node, from 0. The end of a block is too late: it follows the comments after the block."""
        while node.children and not node.flow:
            node = node.children[-1]
        written = self.text[: node.end]
        return (written.rstrip() if node.style in ("|", ">") else written).count("\n")

    def _checked(self, text: str, change: Callable[[Any], object]) -> "OwnFile":
        """Return the edited file if its data differ by `change` alone. Raises EditFailedError."""
        edited, wanted = OwnFile(text, self.file), copy.deepcopy(self.data)
        change(wanted)
        if edited.data != wanted:
            raise EditFailedError(self.file)
        return edited


def _holds(text: str, line: str) -> bool:
    """Return whether a line is a comment that holds the same list item as `line`."""
    match = _COMMENT.match(text)
    return match is not None and _identity(match["rest"]) == _identity(line)


def _identity(line: str) -> str:
    """Return what identifies a list item: its `name`, or the whole item."""
    name = re.search(r"\bname: *([^,}\s]+)", line)
    return name[1] if name else line.split("#", 1)[0].strip().removeprefix("-").strip()


def _get(data: Any, path: Sequence[str | int]) -> Any:  # noqa: ANN401 - any document
    for part in path:
        data = data[part]
    return data


def _put(data: Any, path: Sequence[str | int], value: str) -> None:  # noqa: ANN401 - any document
    _get(data, path[:-1])[path[-1]] = value
