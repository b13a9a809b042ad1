"""Files of nodes as programs write them: JSON, YAML or kernel releases, in the encodings of Linux and of PowerShell. Pure."""

import json
import re
from collections import deque
from collections.abc import Iterator

import yaml

from lifecycle.errors import UsageError
from lifecycle.yamledit.limits import parse_events
from lifecycle.yamledit.reader import describe_parse_error

_DEEPEST = 100  # a node of kubectl has about 10 levels
_FIRST_LINE = re.compile(r"^(?!\s*(?:#|$)).+", re.MULTILINE)  # neither empty nor a comment
_YAML = re.compile(r"\s*[{\[]|---|%YAML|-\s|['\"]?[A-Za-z][\w./-]*['\"]?:(\s|$)")
_SPACE = re.compile(r"\s*")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


class BadNodesError(UsageError):
    """A file without a list of nodes."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(
            f"{file}: {why}: write the output of `kubectl get nodes -o json`, or one kernel release (`uname -r`) per line"
        )


def decode(content: bytes, *, file: str) -> str:
    """Return the text of a file in UTF-8 or UTF-16, with or without a byte order mark. Raises BadNodesError."""
    try:
        # The standard library's rule for JSON (RFC 4627, section 3) tells encodings apart for any text that begins with ASCII.
        return content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        raise BadNodesError(file, f"neither UTF-8 nor UTF-16 text ({error.reason} at byte {error.start})") from error


def is_structured(text: str) -> bool:
    """Return whether text is JSON or YAML. A list of kernel releases is neither."""
    first = _FIRST_LINE.search(text)
    return first is not None and bool(_YAML.match(first[0]))


def read_objects(text: str, *, file: str) -> Iterator[object]:
    """Yield each node of JSON or YAML: of a Node, a List, a NodeList or an array, and of several of these in one text.

    Raises BadNodesError.
    """
    documents = _of_json(text, file) if text.lstrip().startswith(("{", "[")) else _of_yaml(text, file)
    waiting = deque(documents)
    while waiting:
        value = waiting.popleft()
        if isinstance(value, list):
            waiting.extendleft(reversed(value))
        elif isinstance(value, dict) and "items" in value:
            items = value["items"] or []
            if not isinstance(items, list):
                raise BadNodesError(file, "`items` is not a list")
            waiting.extendleft(reversed(items))
        elif value is not None:
            yield value


def _of_json(text: str, file: str) -> Iterator[object]:
    decoder, position = json.JSONDecoder(), _skip_space(text, 0)
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            why = f"line {error.lineno}, column {error.colno}: not well-formed JSON ({error.msg})"
            raise BadNodesError(file, why) from error
        except (ValueError, RecursionError) as error:
            raise BadNodesError(file, "JSON with too many levels, or with too long a number") from error
        position = _skip_space(text, position)
        yield value


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _of_yaml(text: str, file: str) -> Iterator[object]:
    try:
        yield from _Documents(file).read(text)
    except yaml.YAMLError as error:
        raise BadNodesError(file, _malformed(error, text)) from error


def _malformed(error: yaml.YAMLError, text: str) -> str:
    described = describe_parse_error(error, text.encode(), file="").strip(": ").removesuffix(": correct that line")
    place, _, what = described.partition(": ")
    line, _, column = place.partition(":")
    where = f"line {line}, column {column}" if column else f"line {line}"
    return f"{where}: {what}" if line.isdecimal() else described


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Documents:
    """The documents of YAML as dict, list, str and None. libyaml's events need no recursion, and kubectl writes no alias."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[dict[str, object] | list[object]] = []
        self._keys: list[str | None] = []
        self._done: list[object] = []

    def read(self, text: str) -> Iterator[object]:
        """Yield each document. Raises BadNodesError, NoLibyamlError, and yaml.YAMLError for malformed text."""
        for event in parse_events(text):
            match event:
                case yaml.ScalarEvent():
                    self._add(None if event.implicit[0] and event.value in _NULL else event.value)
                case yaml.MappingStartEvent():
                    self._start({}, event)
                case yaml.SequenceStartEvent():
                    self._start([], event)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._keys.pop()
                    self._add(self._open.pop())
                case yaml.AliasEvent():
                    raise BadNodesError(
                        self._file, f"line {_line_of(event)}: an alias (`*`), which kubectl never writes"
                    )
                case yaml.DocumentEndEvent():
                    yield from self._done
                    self._done.clear()

    def _start(self, container: "dict[str, object] | list[object]", event: yaml.Event) -> None:
        if len(self._open) == _DEEPEST:
            raise BadNodesError(self._file, f"line {_line_of(event)}: more than {_DEEPEST} levels")
        self._open.append(container)
        self._keys.append(None)

    def _add(self, value: object) -> None:
        parent = self._open[-1] if self._open else self._done
        if isinstance(parent, list):
            parent.append(value)
        elif self._keys[-1] is None:
            self._keys[-1] = str(value)
        else:
            parent[self._keys[-1]] = value
            self._keys[-1] = None
