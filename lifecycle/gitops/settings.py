"""The values that a release sets in values files, and the edited files. Pure.

`read` is how the repository is read: a path in, the text out, or None where there is no such file.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import yaml

from lifecycle.config.gitops import ValuesFiles, fill
from lifecycle.errors import UsageError
from lifecycle.gitops.older_sibling import find_older_sibling, name_release
from lifecycle.yamledit.key_path import Index, Key, KeyPath, Match
from lifecycle.yamledit.values_file import ValuesFile

# What a key holds in a new repository until an image is released.
_UNSET = "none yet"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A key of a file with its wanted value, for a combination.

    `template` and `keys` are `file` and `path` with placeholders, of which `names` has the values.
    """

    combination: str
    template: str
    file: str
    keys: KeyPath
    path: KeyPath
    value: str
    names: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A key with its old and new value; `old` is None for a new file."""

    file: str
    path: str
    old: str | None
    new: str


@dataclass(frozen=True, kw_only=True)
class EditedFiles:
    """The changed files by their paths in the repository, and the changes of keys."""

    files: Mapping[str, str]
    changes: tuple[Change, ...]


class ConflictingSettingsError(UsageError):
    """Two combinations that set different values for one key."""

    def __init__(self, one: Setting, other: Setting) -> None:
        super().__init__(
            f"component.yaml: gitops.values: {one.combination} and {other.combination} both set `{one.path}` of {one.file}: "
            "narrow it with `only`, or put {release}, {branch} or {channel} into the file or the key"
        )


class MissingFileError(UsageError):
    """A values file that the repository lacks."""

    def __init__(self, setting: Setting, sibling: str | None) -> None:
        hint = f"or let --create copy {sibling}" if sibling else "or correct the path in component.yaml"
        super().__init__(
            f"{setting.file}: the repository has no such file, which {setting.combination} sets: add it, {hint}"
        )


def settings(named: Iterable[tuple[ValuesFiles, str, Mapping[str, str]]]) -> list[Setting]:
    """Return all wanted settings. `named` has entries, each with a selected combination and the values of its placeholders.

    Raises ConflictingSettingsError.
    """
    found: dict[tuple[str, str], Setting] = {}
    for entry, combination, names in named:
        for path, template in entry.set.items():
            keys = KeyPath.parse(path)
            setting = Setting(
                combination=combination,
                template=entry.file,
                file=fill(entry.file, names),
                keys=keys,
                path=keys.filled(lambda text, names=names: fill(text, names)),  # type: ignore[misc]
                value=fill(template, names),
                names=names,
            )
            known = found.setdefault((setting.file, str(setting.path)), setting)
            if known.value != setting.value:
                raise ConflictingSettingsError(known, setting)
    return list(found.values())


def edit(
    wanted: Sequence[Setting], read: Callable[[str], str | None], *, existing: Sequence[str] = (), create: bool = False
) -> EditedFiles:
    """Return the files with the wanted settings. With `create`, a missing file starts as a copy of its next older sibling.

    In a copy, the items and documents that the paths select by the older release become those of the new one.

    The settings of a file are one edit. Raises MissingFileError, ConfigurationError, and what `ValuesFile.set_all` raises.
    """
    before: dict[str, str | None] = {}
    files: dict[str, ValuesFile] = {}
    values: dict[str, dict[KeyPath, str]] = {}
    changes: list[Change] = []
    for setting in wanted:
        name = setting.file
        if name not in files:
            before[name] = read(name)
            of_file = [other for other in wanted if other.file == name]
            files[name] = _open_file(of_file, before[name], read, existing, create=create)
        values.setdefault(name, {})[setting.path] = setting.value
        if before[name] is None or not files[name].holds(setting.path, setting.value):
            old = None if before[name] is None else files[name].get(setting.path)
            changes.append(Change(file=name, path=str(setting.path), old=old, new=setting.value))
    edited = {name: file.set_all(values[name]).text for name, file in files.items()}
    return EditedFiles(
        files={name: text for name, text in edited.items() if text != before[name]}, changes=tuple(changes)
    )


def _open_file(
    of_file: Sequence[Setting],
    text: str | None,
    read: Callable[[str], str | None],
    existing: Sequence[str],
    *,
    create: bool,
) -> ValuesFile:
    first = of_file[0]
    if text is not None:
        return ValuesFile(text, first.file)
    sibling = find_older_sibling(first.template, first.names, existing)
    text = read(sibling.file) if sibling and create else None
    if sibling is None or text is None:
        raise MissingFileError(first, sibling.file if sibling else None)
    return name_release(ValuesFile(text, first.file), [(s.keys, s.names) for s in of_file], sibling.names)


def initial_files(wanted: Iterable[Setting]) -> dict[str, str]:
    """Return files with all wanted keys but without values, for a new repository."""
    trees: dict[str, dict[str, object]] = {}
    for setting in wanted:
        add_path(trees.setdefault(setting.file, {}), setting.path)
    return written(trees)


def written(trees: Mapping[str, object]) -> dict[str, str]:
    """Return trees of mappings and lists as YAML texts, by file."""
    return {file: yaml.safe_dump(tree, sort_keys=False, width=1000) for file, tree in trees.items()}


def add_path(tree: dict[str, object], path: KeyPath) -> None:
    """Add a path to a tree of mappings and lists of mappings."""
    node: object = tree
    for segment, after in zip(path.segments, (*path.segments[1:], None), strict=True):
        empty: object = _UNSET if after is None else {} if isinstance(after, Key) else []
        if isinstance(segment, Key) and isinstance(node, dict):
            node = node.setdefault(segment.name, empty)
        elif isinstance(node, list):
            node = _item(node, segment)


def _item(items: list[dict[str, object]], segment: Key | Index | Match) -> dict[str, object]:
    fields: dict[str, object] = dict(segment.values) if isinstance(segment, Match) else {}
    found = [item for item in items if fields.items() <= item.items()] if fields else items
    if not found:
        items.append(dict(fields))
        return items[-1]
    return found[0]
