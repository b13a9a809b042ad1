"""The file of the next older release, which a new release's file starts from. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lifecycle.config.gitops import fill
from lifecycle.config.versions import version_key
from lifecycle.versions.edits import family_of
from lifecycle.yamledit.key_path import Key, KeyPath, Match
from lifecycle.yamledit.values_file import ValuesFile

_VERSION = r"[0-9][A-Za-z0-9.-]*"


@dataclass(frozen=True, kw_only=True)
class OlderSibling:
    """A file by its path in the repository; `names` has the values of the placeholders `release` and `osVersion` for it."""

    file: str
    names: Mapping[str, str]


def find_older_sibling(template: str, names: Mapping[str, str], existing: Iterable[str]) -> OlderSibling | None:
    """Return the file of the newest older release of the same family, or None. `names` has the placeholders of `template`."""
    file, family = fill(template, names), family_of(names["release"])
    pattern = _pattern(template, names)
    matches = [
        match for name in existing if (match := pattern.fullmatch(name)) and version_key(name) < version_key(file)
    ]
    if not matches:
        return None
    newest = max(matches, key=lambda match: version_key(match[0]))
    found = newest.groupdict()
    if "release" in found:
        found = {"osVersion": found["release"].partition("-")[2], **found}
    elif "osVersion" in found:
        found = {"release": f"{family}-{found['osVersion']}", **found}
    return OlderSibling(file=newest[0], names=found)


def _pattern(template: str, names: Mapping[str, str]) -> re.Pattern[str]:
    patterns = {
        "release": rf"(?P<release>{family_of(names['release'])}-{_VERSION})",
        "osVersion": rf"(?P<osVersion>{_VERSION})",
        "kernel": ".+",
        "channel": ".+",
    }
    pattern = ""
    for number, part in enumerate(re.split(r"\{(\w+)\}", template)):
        if number % 2 == 0:
            pattern += re.escape(part)
        elif f"(?P<{part}>" in pattern:
            pattern += f"(?P={part})"
        else:
            pattern += patterns.get(part, re.escape(names.get(part, "")))
    return re.compile(pattern)


def name_release(
    file: ValuesFile, paths: Iterable[tuple[KeyPath, Mapping[str, str]]], older: Mapping[str, str]
) -> ValuesFile:
    """Return a copied file in which the items and documents that are selected by the older release are those of the new one.

    `paths` are those that will be set, with placeholders and the placeholders' values. Raises what `set_all` raises.
    """
    renamed = {key: value for keys, names in paths for key, value in _renamed(keys, names, {**names, **older})}
    return file.set_all({key: value for key, value in renamed.items() if file.get(key) is not None})


def _renamed(keys: KeyPath, new: Mapping[str, str], old: Mapping[str, str]) -> Iterator[tuple[KeyPath, str]]:
    """Yield the keys of a path's selectors whose values differ between two releases, and their new values."""
    was, will = (keys.filled(lambda text, names=names: fill(text, names)) for names in (old, new))  # type: ignore[misc]
    for index, (one, other) in enumerate(zip(was.segments, will.segments, strict=True)):
        if isinstance(one, Match) and isinstance(other, Match):
            for (names, before), (_, after) in zip(one.fields, other.fields, strict=True):
                if before != after:
                    yield KeyPath((*was.segments[: index + 1], *map(Key, names))), after
