"""Edits of values files, which other people wrote: an edit changes values and keeps every other byte. Pure.

A value is replaced by its span of the text. Each edit is checked by reading the result again: only the intended events may
differ. A file may use all of YAML: several documents, anchors, merge keys, tags, any indentation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lifecycle.errors import UsageError
from lifecycle.yamledit.contents import Content, changed
from lifecycle.yamledit.events import Stream, YamlNode, read_stream
from lifecycle.yamledit.key_path import KeyPath
from lifecycle.yamledit.lookup import Place, find
from lifecycle.yamledit.lookup_errors import MissingKeyError
from lifecycle.yamledit.own_files import EditFailedError, NotEditableError
from lifecycle.yamledit.replacements import apply, check, plan
from lifecycle.yamledit.sops import refuse_encrypted


class TwoValuesError(UsageError):
    """Two paths that lead to one place and want different values there."""

    def __init__(self, where: str, one: KeyPath, other: KeyPath) -> None:
        super().__init__(
            f"{where}: `{one}` and `{other}` are the same place and get different values: remove one of them"
        )


@dataclass(frozen=True)
class ValuesFile:
    """A file's text while it is edited; each edit returns a new one."""

    text: str
    file: str
    parsed: Stream | None = field(default=None, compare=False, repr=False)

    @cached_property
    def stream(self) -> Stream:
        """The parsed file. Raises ConfigurationError if it is not well-formed YAML or exceeds the limits."""
        return self.parsed or read_stream(self.text, file=self.file)

    def get(self, path: KeyPath) -> str | None:
        """Return the scalar at a path, or an alias as `*name`. Return None if there is none, or a list or a mapping."""
        try:
            node = self.node(path)
        except MissingKeyError:
            return None
        return node.value if node.kind == "scalar" else f"*{node.anchor}" if node.kind == "alias" else None

    def holds(self, path: KeyPath, value: str) -> bool:
        """Return whether a path has exactly this value, as a scalar on one line, so that `set` would change nothing.

        Raises MissingKeyError, AmbiguousKeyError, DoubledKeyError.
        """
        return _holds(self.node(path), value)

    def set(self, path: KeyPath, value: str) -> "ValuesFile":
        """Return the file with a new value at a path. Raises what `set_all` raises."""
        return self.set_all({path: value})

    def set_all(self, wanted: Mapping[KeyPath, str]) -> "ValuesFile":
        """Return the file with new values at paths, of the file as it is now.

        An alias is replaced by the value, so that the anchor's own value stays. A value with an anchor keeps the anchor, so that
        its aliases change too. Raises MissingKeyError, AmbiguousKeyError, DoubledKeyError, TwoValuesError, EncryptedFileError,
        and NotEditableError if a path does not have a single value on one line.
        """
        places = self.places_to_change(wanted)
        if not places:
            return self
        try:
            return self._edited(places, quoted=False)
        except EditFailedError:
            return self._edited(places, quoted=True)

    def places_to_change(self, wanted: Mapping[KeyPath, str]) -> list[tuple[Place, str]]:
        """Return the places without their wanted values, each once. Raises what `set_all` raises."""
        found: dict[tuple[int, ...], tuple[KeyPath, Place, str]] = {}
        for path, value in wanted.items():
            place = self.place(path)
            identity = (*(node.first for node in place.trail), place.node.first)
            known_path, _, known_value = found.setdefault(identity, (path, place, value))
            if known_value != value:
                raise TwoValuesError(f"{self.file}:{place.line}", known_path, path)
        changing = [(path, place, value) for path, place, value in found.values() if not _holds(place.node, value)]
        for path, place, _ in changing:
            self._require_value(path, place)
        refuse_encrypted(self.stream, [place.node for _, place, _ in changing], file=self.file)
        return [(place, value) for _, place, value in changing]

    def _require_value(self, path: KeyPath, place: Place) -> None:
        node, where = place.node, f"{self.file}:{place.line}"
        what = f"`{path}` is not a single value on one line"
        if node.style == "|":
            raise NotEditableError(
                where, f"{what}", f"write it as one, or name a key inside the text block: `{path}.key`"
            )
        if node.flow and node.stream.text.startswith("{{", node.start):
            raise NotEditableError(
                where, f"`{path}` is filled in by a template (`{{{{`)", "set what the template reads"
            )
        if node.kind not in ("scalar", "alias") or node.style == ">":
            raise NotEditableError(where, what, "write it as one")
        empty = node.kind == "scalar" and node.begin == node.end
        before = self.text[: node.end].rstrip(" ")[-1:] if empty and not place.blocks else ":"
        if empty and before != (":" if place.trail[-1].kind == "mapping" else "-"):
            raise NotEditableError(where, f"`{path}` has no place for a value", "write a colon after the key")

    def _edited(self, places: Sequence[tuple[Place, str]], *, quoted: bool) -> "ValuesFile":
        planned = plan(self.stream, places, quoted=quoted, file=self.file)
        return self.checked(apply(self.text, planned.replacements), changed(self.stream.contents, planned.values))

    def checked(self, text: str, wanted: Sequence[Content]) -> "ValuesFile":
        """Return this file with another text, whose events must have the wanted contents. Raises EditFailedError."""
        return ValuesFile(text, self.file, parsed=check(text, self.file, wanted))

    def place(self, path: KeyPath) -> Place:
        """Return the place of a path. Raises MissingKeyError, AmbiguousKeyError, DoubledKeyError."""
        return find(self.stream, path, file=self.file)

    def node(self, path: KeyPath) -> YamlNode:
        """Return the node at a path, from the document that has it. Raises as `place`."""
        return self.place(path).node


def _holds(node: YamlNode, value: str) -> bool:
    return node.kind == "scalar" and node.style not in ("|", ">") and node.value == value
