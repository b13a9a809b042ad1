"""YAML read as text with positions, so that a version stays what was written and an error names its line.

`yaml.safe_load` turns `1592.10` into `1592.1`, keeps the last of two equal keys and forgets where anything stood.
Here every scalar keeps its raw text (YAML 1.2.2 spec, section 3.2.1: a scalar's presentation), and each node its mark.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from lifecycle.errors import ConfigurationError

Path: TypeAlias = tuple[str | int, ...]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, kw_only=True)
class Document:
    """One YAML file: `data` made of dict, list, str and None, and the `line:column` (from 1) of each path."""

    file: str
    data: object
    positions: Mapping[Path, tuple[int, int]]

    def where(self, path: Path) -> str:
        """`file:line:column` of the deepest part of `path` that the file holds.

        Parts that are not in the file (a missing key, a validator's own label) are stepped over.
        """
        known: Path = ()
        for part in path:
            if (*known, part) in self.positions:
                known = (*known, part)
        line, column = self.positions.get(known, (1, 1))
        return f"{self.file}:{line}:{column}"


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
            self.problems.append(f"{self.at(mark)}: an alias (`*`) in it stands for the whole of it: write it out")
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
                self.problems.append(f"{at}: key {name!r} stands twice: remove one of them")
            else:
                self.positions[(*path, name)] = (mark.line + 1, mark.column + 1)
                result[name] = self.read(value, (*path, name))
        return result


def read_yaml(text: str, *, file: str) -> Document:
    """Parse one YAML document; `file` is the name to use in messages.

    Raises ConfigurationError, with all that is wrong, for ill-formed YAML, an empty file, a file that is not a
    mapping, duplicate keys and merge keys.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        raise ConfigurationError([f"{at}: not well-formed YAML: {error.problem}: correct that line"]) from error
    except yaml.reader.ReaderError as error:
        # libyaml counts bytes.
        line = text.encode()[: error.position].count(b"\n") + 1
        raise ConfigurationError([f"{file}:{line}: not well-formed YAML: {error.reason}: correct that line"]) from error
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


def _kind(node: yaml.Node) -> str:
    return "list" if isinstance(node, yaml.SequenceNode) else "single value"
