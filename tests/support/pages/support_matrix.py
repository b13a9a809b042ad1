"""The support matrix in the README: the combinations of component.yaml and versions.lock, with their module types."""

from collections.abc import Iterator

from lifecycle.planning.locked_project import require_locked
from lifecycle.planning.matrix import Combination
from lifecycle.planning.project import load_project
from tests.support.checkout import ROOT

_HEADING = ("OS release", "channel", "kernel", "architecture")
_NONE = "–"


def support_matrix() -> str:
    """Return a row for each OS release and architecture, with a column for each driver, in Markdown.

    Raises NotLockedError if versions.lock is stale.
    """
    matrix = require_locked(load_project(ROOT)).matrix
    every = (*matrix.combinations, *matrix.excluded)
    drivers = sorted({combination.driver for combination in every})
    return "\n".join(_lines(every, drivers)) + "\n"


def _lines(every: tuple[Combination, ...], drivers: list[str]) -> Iterator[str]:
    yield f"| {' | '.join([*_HEADING, *drivers])} |"
    yield "|---" * (len(_HEADING) + len(drivers)) + "|"
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for one in sorted(every, key=lambda one: (one.release, one.architecture)):
        key: tuple[str, ...] = (one.release, str(one.channel), f"`{one.kernel}`", str(one.architecture))
        rows.setdefault(key, {})[one.driver] = ", ".join(one.module_types) or _NONE
    for key, cells in rows.items():
        yield f"| {' | '.join([*key, *(cells[driver] for driver in drivers)])} |"
