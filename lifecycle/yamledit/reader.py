"""YAML read as text with positions: a version stays as it was written, and an error names its line.

`yaml.safe_load` turns `1592.10` into `1592.1`, keeps the last of two equal keys and drops all positions. This reader keeps the
raw text of each scalar (YAML 1.2.2, section 3.2.1) and the position of each node.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.limits import DEFAULT_LIMITS, Limits, check_limits

Path: TypeAlias = tuple[str | int, ...]

_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, kw_only=True)
class Document:
    """A YAML file: `data` consists of dict, list, str and None; `positions` has the line and column (from 1) of each path."""

    file: str
    data: object
    positions: Mapping[Path, tuple[int, int]]

    def where(self, path: Path) -> str:
        """Return `file:line:column` of the deepest part of `path` that the file holds.

        Parts that are not in the file, such as a missing key or a validator's label, are skipped.
        """
        line, column = self.place(path)
        return f"{self.file}:{line}:{column}"

    def place(self, path: Path) -> tuple[int, int]:
        """Return the line and the column that `where` names."""
        known: Path = ()
        for part in path:
            if (*known, part) in self.positions:
                known = (*known, part)
        return self.positions.get(known, (1, 1))


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.positions: dict[Path, tuple[int, int]] = {}
        self.problems: list[str] = []
        self.parents: list[yaml.Node] = []

    def at(self, mark: yaml.Mark) -> str:
        return f"{self.file}:{mark.line + 1}:{mark.column + 1}"

    def read(self, node: yaml.Node, path: Path) -> object:
        mark = node.start_mark
        self.positions.setdefault(path, (mark.line + 1, mark.column + 1))
        if any(node is parent for parent in self.parents):
            self.problems.append(f"{self.at(mark)}: it contains an alias (`*`) of itself: write the value out")
            return None
        self.parents.append(node)
        value = self.value(node, path)
        self.parents.pop()
        return value

    def value(self, node: yaml.Node, path: Path) -> object:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*path, index)) for index, child in enumerate(node.value)]
        return None if node.tag == _NULL else str(node.value)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, value in node.value:
            name, mark = str(key.value), key.start_mark
            at = self.at(mark)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(f"{at}: a list or a mapping cannot be a key: write a plain name")
            elif key.tag == _MERGE:
                self.problems.append(f"{at}: merge keys (`<<`) are not supported here: write the keys out")
            elif name in result:
                self.problems.append(f"{at}: duplicate key {name!r}: remove one of them")
            else:
                self.positions[(*path, name)] = (mark.line + 1, mark.column + 1)
                result[name] = self.read(value, (*path, name))
        return result


def read_yaml(text: str, *, file: str, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Parse one YAML document within limits; `file` is the name in messages.

    Raises ConfigurationError, with every problem, for malformed YAML, a file beyond the limits, an empty file, a file that is not
    a mapping, duplicate keys and merge keys.
    """
    try:
        check_limits(text, file=file, limits=limits)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        # libyaml counts bytes.
        raise ConfigurationError([describe_parse_error(error, text.encode(), file=file)]) from error
    if node is None:
        raise ConfigurationError([f"{file}: the file is empty: restore it from git or write its keys"])
    if not isinstance(node, yaml.MappingNode):
        raise ConfigurationError(
            [f"{file}:1:1: expected keys with values, found a {_kind(node)}: write `key: value` lines"]
        )
    reader = _Reader(file)
    data = reader.read(node, ())
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return Document(file=file, data=data, positions=reader.positions)


def describe_parse_error(error: yaml.YAMLError, text: str | bytes, *, file: str) -> str:
    """Return what PyYAML found wrong as `file:line:column: what: remedy`.

    `text` is what the parser counted positions in: bytes for libyaml, characters for PyYAML's own parser.
    """
    at, what = file, str(error)
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        at, what = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file, str(error.problem)
    elif isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        newlines = before.count("\n") if isinstance(before, str) else before.count(b"\n")
        at, what = f"{file}:{newlines + 1}", str(error.reason)
    return f"{at}: not well-formed YAML: {what}: correct that line"


def _kind(node: yaml.Node) -> str:
    return "list" if isinstance(node, yaml.SequenceNode) else "single value"
