"""Which nodes of a cluster the matrix has images for. `invoke coverage`."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lifecycle.build import tables
from lifecycle.build.workbench import Workbench
from lifecycle.errors import InstallerError
from lifecycle.model.fleet import Coverage, Need, cover, read_nodes
from lifecycle.model.validation import read_text


class UncoveredError(InstallerError):
    """Nodes for which there is no image, now or after an upgrade."""

    def __init__(self, now: int, after: int) -> None:
        counts = [f"{now} now"] if now else []
        counts += [f"{after} after an upgrade"] if after else []
        super().__init__(
            f"not every node has an image for every driver: {', '.join(counts)} missing",
            resolution="Add the release with `invoke add-release`, or see `invoke explain` for what is excluded.",
        )


def show_coverage(bench: Workbench, nodes: str, *, as_json: bool) -> None:
    """Print what there is for each node that a file (or `-`, standard input) lists; raises BadNodesError, UncoveredError."""
    text = sys.stdin.read() if nodes == "-" else read_text(Path(nodes))
    found = cover(read_nodes(text, file=nodes), bench.answered().matrix())
    if as_json:
        tables.print_json([asdict(entry) for entry in found])
    else:
        _print(found)
    now = sum(not entry.now.covered for entry in found)
    after = sum(entry.after is not None and not entry.after.covered for entry in found)
    if now or after:
        raise UncoveredError(now, after)


def _print(found: Sequence[Coverage]) -> None:
    def said(need: Need | None) -> str:
        return "–" if need is None else need.tag if need.covered else f"MISSING {need.tag}"

    rows = [(e.node, e.driver, said(e.now), e.to or "–", said(e.after)) for e in found]
    tables.print_table(f"{len({e.node for e in found})} nodes", ["node", "driver", "now", "upgrade to", "then"], rows)
