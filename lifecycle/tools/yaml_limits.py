"""Limits of a YAML file, checked before anything is built from it.

libyaml and PyYAML recurse for each level, write every alias out, and have no limits of their own: a file of a few bytes can take
all memory, and 100,000 open brackets end the process. libyaml's events are read one by one, so the check stops at the first
excess.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from lifecycle.errors import ConfigurationError

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, kw_only=True)
class YamlLimits:
    """The largest file: its characters, its values and keys with all aliases written out, and its levels."""

    size: int = 1 << 20
    nodes: int = 100_000
    depth: int = 50


FILE_LIMITS = YamlLimits()


def check_limits(text: str, *, file: str, limits: YamlLimits = FILE_LIMITS) -> None:
    """Raise ConfigurationError if a YAML text exceeds a limit, and yaml.YAMLError if it is not well-formed.

    `file` is the name in the message.
    """
    if len(text) > limits.size:
        raise ConfigurationError(
            [f"{file}: the file has {len(text):,} characters, more than {limits.size:,}: restore it from git"]
        )
    count = _Count()
    for event in _events(text):
        count.add(event)
        problem = ""
        if len(count.open) > limits.depth:
            problem = f"more than {limits.depth} levels of nesting: write it flatter"
        if count.nodes > limits.nodes:
            problem = f"more than {limits.nodes:,} keys and values, with aliases (`*`) written out: shorten the file"
        if problem:
            mark = event.start_mark
            raise ConfigurationError([f"{file}:{mark.line + 1}:{mark.column + 1}: {problem}"])


def _events(text: str) -> Iterator[Any]:
    loader = _Loader(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


@dataclass
class _Count:
    """The nodes so far, the open collections (each with its anchor and the nodes before it), and the nodes of each anchor."""

    nodes: int = 0
    open: list[tuple[str | None, int]] = field(default_factory=list)
    anchors: dict[str, int] = field(default_factory=dict)

    def add(self, event: Any) -> None:  # noqa: ANN401 - PyYAML's events
        if isinstance(event, yaml.AliasEvent):
            self.nodes += self.anchors.get(str(event.anchor), 1)
        elif isinstance(event, yaml.ScalarEvent):
            self.nodes += 1
            if event.anchor:
                self.anchors[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            self.open.append((event.anchor, self.nodes))
            self.nodes += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self.open.pop()
            if anchor:
                self.anchors[anchor] = self.nodes - before
