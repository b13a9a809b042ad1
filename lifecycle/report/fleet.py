"""The nodes of a cluster, and the images that the matrix has for them."""

from collections.abc import Mapping
from dataclasses import dataclass

from lifecycle.app.session import Session
from lifecycle.kubernetes.coverage import NodeGroup, file_shown, group_nodes, read_survey
from lifecycle.kubernetes.nodes import find_coverage


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The coverage of a fleet. `left_out` counts the nodes that get no driver by reason; `problems` are of unreadable nodes."""

    file: str
    nodes: int
    groups: tuple[NodeGroup, ...]
    left_out: Mapping[str, int]
    problems: tuple[str, ...]

    @property
    def uncovered(self) -> int:
        """The number of nodes of which an image is missing, for some driver, now or after an upgrade."""
        return len({node for group in self.groups if not group.covered for node in group.nodes})


def read_fleet(session: Session, nodes: str) -> Fleet:
    """Return the coverage of the nodes in a file, `-` for standard input. Raises BadNodesError, NoGpuNodesError."""
    survey = read_survey(nodes)
    found = find_coverage(survey.nodes, session.locked_project.matrix)
    return Fleet(
        file=file_shown(nodes),
        nodes=len(survey.nodes),
        groups=tuple(group_nodes(found)),
        left_out=survey.left_out,
        problems=tuple(survey.problems),
    )
