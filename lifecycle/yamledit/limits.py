"""Limits against YAML that takes a reader minutes or all memory: size, depth, number of nodes, repetition by aliases. Pure.

libyaml's events are read one at a time, so that a hostile file is refused before all of it is parsed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from lifecycle.errors import ConfigurationError, InstallerError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The largest accepted file.

    `characters` is the Kubernetes API server's limit of a request, in bytes there (k8s.io/apiserver, MaxRequestBodyBytes).
    `depth` counts mappings and lists around a value, `nodes` keys and values, `repeated` the nodes that aliases stand for.
    """

    characters: int = 3 * 1024 * 1024
    depth: int = 100
    nodes: int = 200_000
    repeated: int = 100_000


DEFAULT_LIMITS = Limits()


class YamlLimitError(ConfigurationError):
    """A file that is larger, deeper or more repetitive than any real one."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__([f"{where}: {what}: {remedy}"])


class NoLibyamlError(InstallerError):
    """A PyYAML that was built without libyaml. All of PyYAML's wheels contain it; a build from source may not."""

    def __init__(self) -> None:
        super().__init__(
            "this Python's PyYAML was built without libyaml",
            resolution="Install its wheel: pip install --force-reinstall --only-binary :all: pyyaml",
        )


def check_limits(text: str, *, file: str, limits: Limits = DEFAULT_LIMITS) -> None:
    """Raise YamlLimitError if a YAML text exceeds the limits. The check ends at the first problem.

    Malformed YAML is left to the reader of the text. Raises NoLibyamlError.
    """
    try:
        for _ in limited_events(text, file=file, limits=limits):
            pass
    except yaml.YAMLError:
        return


def limited_events(text: str, *, file: str, limits: Limits = DEFAULT_LIMITS) -> Iterator[Any]:
    """Yield libyaml's events of a text. Raises YamlLimitError, NoLibyamlError and yaml.YAMLError.

    Positions count the characters after a byte order mark.
    """
    if len(text) > limits.characters:
        size = f"it has {len(text):,} characters, and at most {limits.characters:,} are read"
        raise YamlLimitError(file, size, "shorten or split it")
    return _Counter(file, limits).counted(parse_events(text))


def parse_events(text: str) -> Iterator[Any]:
    """Yield libyaml's events of a text, without limits. Raises NoLibyamlError and yaml.YAMLError."""
    if not yaml.__with_libyaml__:
        raise NoLibyamlError
    parser: Any = yaml.CSafeLoader(text)
    while parser.check_event():
        yield parser.get_event()


@dataclass
class _Counter:
    """The counts of a file so far. `open` has the anchor and the nodes of each collection around the current event."""

    file: str
    limits: Limits
    nodes: int = 0
    repeated: int = 0
    open: list[tuple[str | None, int]] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)

    def counted(self, events: Iterable[Any]) -> Iterator[Any]:
        for event in events:
            match event:
                case yaml.ScalarEvent():
                    self.add(event, event.anchor, 1)
                case yaml.CollectionStartEvent():
                    self.open.append((event.anchor, 1))
                    if len(self.open) > self.limits.depth:
                        self.refuse(event, f"it is more than {self.limits.depth} levels deep", "flatten it")
                case yaml.CollectionEndEvent():
                    self.add(event, *self.open.pop())
                case yaml.AliasEvent():
                    self.alias(event)
                case yaml.DocumentStartEvent():
                    self.add(event, None, 1)
            yield event

    def alias(self, event: Any) -> None:  # noqa: ANN401 - PyYAML's events
        size = self.sizes.get(event.anchor, 1)
        self.repeated += size
        if self.repeated > self.limits.repeated:
            what = f"its aliases (`*`) stand for more than {self.limits.repeated:,} values"
            self.refuse(event, what, "write the values out")
        self.add(event, None, size)

    def add(self, event: Any, anchor: str | None, size: int) -> None:  # noqa: ANN401 - PyYAML's events
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            self.refuse(event, f"it has more than {self.limits.nodes:,} keys and values", "shorten or split it")
        if anchor is not None:
            self.sizes[anchor] = size
        if self.open:
            outer, inside = self.open[-1]
            self.open[-1] = (outer, inside + size)

    def refuse(self, event: Any, what: str, remedy: str) -> None:  # noqa: ANN401 - PyYAML's events
        mark = event.start_mark
        raise YamlLimitError(f"{self.file}:{mark.line + 1}:{mark.column + 1}", what, remedy)
