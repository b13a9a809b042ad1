"""Paths of values in a YAML file: `image.tag`, `images[name=installer].digest`, `labels."gpu/driver"`. Pure.

The notation is a part of yq's (https://mikefarah.gitbook.io/yq/operators/traverse-read). An item of a list is selected by its
number, `[0]`, or by the values of keys inside it, `[release=debian-13,driver=550]`. At the start of a path, such a selector selects
one of several documents: `[kind=Shoot,metadata.name=prod].spec.region`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

_BARE = re.compile(r'[^.\[\]"]+')
_QUOTED = re.compile(r'"([^"]+)"')
_SELECTOR = re.compile(r'\[((?:"[^"]*"|[^\[\]"])+)\]')
_PAIR = re.compile(r'\s*((?:"[^"]+"|[^=,"])+?)\s*=\s*("[^"]*"|[^,"]*?)\s*(?=,|$)')
_NAME = re.compile(r'"([^"]+)"|([^."]+)')
_PLAIN_VALUE = re.compile(r'[^,"\[\]\s](?:[^,"\[\]]*[^,"\[\]\s])?|')


@dataclass(frozen=True)
class Key:
    """A key of a mapping."""

    name: str

    def __str__(self) -> str:
        return self.name if _BARE.fullmatch(self.name) else f'"{self.name}"'


@dataclass(frozen=True)
class Index:
    """An item of a list by its number, from 0."""

    number: int

    def __str__(self) -> str:
        return f"[{self.number}]"


@dataclass(frozen=True)
class Match:
    """The item of a list, or the document, whose keys have these values. A key may lead inside: `metadata.name`."""

    values: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"[{','.join(f'{key}={_quoted(value)}' for key, value in self.values)}]"

    @property
    def fields(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """Each key as its names, from the outside to the inside, with its value."""
        return tuple(
            (tuple(quoted or bare for quoted, bare in _NAME.findall(key)), value) for key, value in self.values
        )


Segment: TypeAlias = Key | Index | Match


@dataclass(frozen=True)
class KeyPath:
    """A path through keys and items."""

    segments: tuple[Segment, ...]

    @staticmethod
    def parse(text: str) -> "KeyPath":
        """Parse a path. Raises ValueError, with a sentence for the user, if the text is not a path."""
        segments: list[Segment] = []
        rest = text
        while rest:
            if match := _SELECTOR.match(rest):
                segments.append(_parse_selector(match[1], text))
            elif match := _QUOTED.match(rest) or _BARE.match(rest):
                segments.append(Key(match[match.lastindex or 0]))
            else:
                raise _invalid_path(text)
            rest = rest[match.end() :]
            if rest.startswith(".") and len(rest) > 1 and rest[1] != "[":
                rest = rest[1:]
            elif rest and not rest.startswith("["):
                raise _invalid_path(text)
        if not segments:
            raise _invalid_path(text)
        return KeyPath(tuple(segments))

    def __str__(self) -> str:
        parts = [str(part) if isinstance(part, Index | Match) else f".{part}" for part in self.segments]
        return "".join(parts).removeprefix(".")

    def __add__(self, other: "KeyPath") -> "KeyPath":
        return KeyPath(self.segments + other.segments)

    def filled(self, fill: Callable[[str], str]) -> "KeyPath":
        """Return the path with `fill` applied to each name and value. The results are never split into segments."""
        return KeyPath(tuple(_fill(segment, fill) for segment in self.segments))


def _quoted(value: str) -> str:
    return value if _PLAIN_VALUE.fullmatch(value) else f'"{value}"'


def _fill(segment: Segment, fill: Callable[[str], str]) -> Segment:
    match segment:
        case Key(name):
            return Key(fill(name))
        case Match(values):
            return Match(tuple((fill(key), fill(value)) for key, value in values))
        case Index():
            return segment


def _parse_selector(inside: str, text: str) -> Segment:
    if inside.isdecimal():
        return Index(int(inside))
    pairs, at = [], 0
    while match := _PAIR.match(inside, at):
        pairs.append((match[1], match[2].removeprefix('"').removesuffix('"')))
        at = match.end() + 1
        if inside[match.end() : at] != ",":
            break
    if not pairs or at <= len(inside):
        raise _invalid_path(text)
    return Match(tuple(pairs))


def _invalid_path(text: str) -> ValueError:
    return ValueError(
        f"{text!r} is not a path of keys: write keys with dots, list items by number or by value: "
        'image.tag, images[name=installer].digest, labels."example.org/driver"'
    )
