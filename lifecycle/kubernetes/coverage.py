"""`invoke coverage`: the nodes of a cluster that have no matching image."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.config.validation import read_text
from lifecycle.errors import InstallerError
from lifecycle.kubernetes.nodes import Coverage, ImageRequirement, find_coverage, read_nodes


class UncoveredError(InstallerError):
    """Nodes without a matching image, now or after an upgrade."""

    def __init__(self, now: int, after: int) -> None:
        counts = [f"{now} now"] if now else []
        counts += [f"{after} after an upgrade"] if after else []
        super().__init__(
            f"some nodes have no matching image: {', '.join(counts)} missing",
            resolution="Add the release with `invoke add-release`; `invoke explain` shows exclusions.",
        )


def show_coverage(session: Session, nodes: str, *, as_json: bool) -> None:
    """Print the images for each node in a file (`-` is standard input). Raises BadNodesError, UncoveredError."""
    text = sys.stdin.read() if nodes == "-" else read_text(Path(nodes))
    found = find_coverage(read_nodes(text, file=nodes), session.locked_project.matrix)
    if as_json:
        output.print_json([asdict(entry) for entry in found])
    else:
        _print(found)
    now = sum(not entry.now.covered for entry in found)
    after = sum(entry.after is not None and not entry.after.covered for entry in found)
    if now or after:
        raise UncoveredError(now, after)


def _print(found: Sequence[Coverage]) -> None:
    def said(need: ImageRequirement | None) -> str:
        return "–" if need is None else need.tag if need.covered else f"MISSING {need.tag}"

    rows = [(e.node, e.driver, said(e.now), e.to or "–", said(e.after)) for e in found]
    output.print_table(f"{len({e.node for e in found})} nodes", ["node", "driver", "now", "upgrade to", "then"], rows)
