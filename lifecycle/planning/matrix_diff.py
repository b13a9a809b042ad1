"""The difference between two states of a project: combinations added, dropped and rebuilt, with reasons. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Kind, Target, Targets, changed_inputs


@dataclass(frozen=True, kw_only=True)
class MatrixDiff:
    """Identifiers added and dropped, and the reasons for each combination whose image has to be built again."""

    added: tuple[str, ...]
    dropped: tuple[str, ...]
    rebuilt: Mapping[str, tuple[str, ...]]

    def by_reason(self) -> dict[str, tuple[str, ...]]:
        """Return the combinations that are rebuilt, by each of the reasons."""
        found: dict[str, list[str]] = {}
        for key, reasons in self.rebuilt.items():
            for reason in reasons:
                found.setdefault(reason, []).append(key)
        return {reason: tuple(keys) for reason, keys in found.items()}


def compare(old: LockedProject, new: LockedProject) -> MatrixDiff:
    """Return the difference between two states of a project."""
    before = {c.id: c for c in old.matrix.combinations}
    after = {c.id: c for c in new.matrix.combinations}
    old_targets, new_targets = Targets(old), Targets(new)
    rebuilt = {}
    for key in [key for key in after if key in before]:
        was, now = old_targets.image(before[key]), new_targets.image(after[key])
        if was.digest != now.digest:
            rebuilt[key] = tuple(_reasons(_parts(old_targets, before[key]), _parts(new_targets, after[key])))
    return MatrixDiff(
        added=tuple(key for key in after if key not in before),
        dropped=tuple(key for key in before if key not in after),
        rebuilt=rebuilt,
    )


def _parts(targets: Targets, combination: Combination) -> dict[str, Target]:
    """Return the targets that an image is made of, by a name for people; the image comes last."""
    return {
        "builder": targets.builder(combination),
        **{f"{t} modules": targets.compiled(combination, t) for t in combination.module_types},
        **{
            f"{t} signatures": s
            for t in combination.module_types
            if (s := targets.modules(combination, t)).kind is Kind.SIGNED
        },
        **{f"{t} archive": targets.archive(combination, t) for t in combination.module_types},
        "user space": targets.userspace(combination),
        "runtime base": targets.runtime(combination),
        "image": targets.image(combination),
    }


def _reasons(old: Mapping[str, Target], new: Mapping[str, Target]) -> Iterator[str]:
    digests = {target.digest for target in (*old.values(), *new.values())}
    for name in [*new, *(name for name in old if name not in new)]:
        if name not in old or name not in new:
            yield f"{name}: {'added' if name in new else 'dropped'}"
            continue
        before, after = _own_inputs(old[name], digests), _own_inputs(new[name], digests)
        yield from (f"{name}: {change}" for change in changed_inputs(before, after))


def _own_inputs(target: Target, digests: set[str]) -> dict[str, object]:
    """Return a target's inputs without the digests of other targets, which have their own reasons."""

    def is_target(value: object) -> bool:
        return isinstance(value, str) and value in digests

    return {
        key: {k: v for k, v in value.items() if not is_target(v)} if isinstance(value, Mapping) else value
        for key, value in target.inputs.items()
        if not is_target(value)
    }
