"""Selectors, as in `--only`: `debian-12`, `535`, `debian-12/535.309.01`, globs."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from lifecycle.errors import UsageError
from lifecycle.planning.matrix import Combination, Matrix


class NothingSelectedError(UsageError):
    """A selector that matches no combination; `option` is where it was given."""

    def __init__(
        self, selector: str, existing: Iterable[str], *, excluded: Sequence[str] = (), option: str = "--only"
    ) -> None:
        listed = "\n".join(f"  {name}" for name in existing)
        hint = f"\nexcluded, see `invoke matrix`:\n{chr(10).join(f'  {name}' for name in excluded)}" if excluded else ""
        super().__init__(f"{option} {selector!r} matches no combination; choose from:\n{listed}{hint}")


def matches(selector: str, combination: Combination) -> bool:
    """Return whether a selector selects a combination.

    The parts of a selector, split at `/`, match parts of the identifier in their order. Each is a glob (fnmatch) for the release
    or its channel, the kernel release or name, or the driver version or its branch.
    """
    names = iter(
        [
            {combination.release, combination.channel},
            {combination.kernel, combination.kernel_name},
            {combination.driver, combination.branch},
        ]
    )
    return all(
        any(any(fnmatchcase(name, part) for name in alternatives) for alternatives in names)
        for part in selector.split("/")
    )


def select(matrix: Matrix, only: str) -> tuple[Combination, ...]:
    """Return the combinations that a comma-separated list of selectors selects; an empty list selects all.

    Raises NothingSelectedError for the first selector that matches nothing.
    """
    selectors = [selector.strip() for selector in only.split(",") if selector.strip()]
    for selector in selectors:
        if not any(matches(selector, combination) for combination in matrix.combinations):
            raise NothingSelectedError(
                selector,
                [combination.id for combination in matrix.combinations],
                excluded=[c.id for c in matrix.excluded if matches(selector, c)],
            )
    return tuple(c for c in matrix.combinations if not selectors or any(matches(s, c) for s in selectors))
