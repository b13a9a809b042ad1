"""`invoke coverage`: the nodes of a cluster that have no matching image."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.errors import InstallerError, UsageError
from lifecycle.kubernetes.node_list import BadNodesError
from lifecycle.kubernetes.node_reader import NodeSurvey, describe_counts, read_nodes
from lifecycle.kubernetes.nodes import Coverage, ImageRequirement, find_coverage

_SHOWN = 10
_MISSING = "MISSING"
_NAMES = 3


class UncoveredError(InstallerError):
    """Nodes without a matching image, now or after an upgrade."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"some nodes have no matching image: {missing}",
            resolution="Add the release with `invoke add-release`; `invoke explain` shows exclusions.",
        )


class UnreadableNodesError(UsageError):
    """Nodes that cannot be judged, and the number of images that the others lack."""

    def __init__(self, file: str, problems: Sequence[str], missing: str) -> None:
        more = [f"  and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        others = f"; of the others some have no matching image: {missing}" if missing else ""
        super().__init__(
            f"{file}: {len(problems)} of the nodes cannot be judged{others}",
            details="\n".join([*(f"  {problem}" for problem in problems[:_SHOWN]), *more]),
            resolution="Write the list again when these nodes have registered, or leave them out of it.",
        )


def show_coverage(session: Session, nodes: str, *, selector: str, as_json: bool) -> None:
    """Print the images for each node in a file (`-` is standard input), and the number of the nodes that get no driver.

    Raises BadNodesError, NoGpuNodesError, SelectorOfKernelsError, LabelSelectorError, UncoveredError, UnreadableNodesError.
    """
    file = file_shown(nodes)
    survey = read_survey(nodes, selector)
    found = find_coverage(survey.nodes, session.locked_project.matrix)
    left_out = [f"left out: {describe_counts(survey.left_out)}"] if survey.left_out else []
    if as_json:
        output.print_json([asdict(entry) for entry in found])
        for line in left_out:
            session.progress.say(line)
    else:
        if found:
            _print(survey, found)
        output.print_lines(left_out)
    missing = _missing(found)
    if survey.problems:
        raise UnreadableNodesError(file, survey.problems, missing)
    if missing:
        raise UncoveredError(missing)


def file_shown(nodes: str) -> str:
    """Return the name of a file of nodes for people; `-` is standard input."""
    return "standard input" if nodes == "-" else nodes


def read_survey(nodes: str, selector: str = "") -> NodeSurvey:
    """Return the nodes in a file, `-` for standard input. Raises BadNodesError, NoGpuNodesError, and errors of the selector."""
    return read_nodes(_content(nodes, file_shown(nodes)), file=file_shown(nodes), selector=selector)


def _content(nodes: str, file: str) -> bytes:
    try:
        if nodes != "-":
            return Path(nodes).expanduser().read_bytes()
        if sys.stdin is None:
            raise BadNodesError(file, "it is closed")
        return sys.stdin.buffer.read()
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadNodesError(file if file.isprintable() else repr(file), f"cannot be read ({reason})") from error


def _missing(found: Sequence[Coverage]) -> str:
    """Return the number of missing images, for nodes and drivers, as text; "" if there are none."""
    now = sum(not entry.now.covered for entry in found)
    after = sum(entry.after is not None and not entry.after.covered for entry in found)
    counts = [f"{now} now"] if now else []
    counts += [f"{after} after an upgrade"] if after else []
    return f"{', '.join(counts)} missing" if counts else ""


@dataclass(frozen=True, kw_only=True)
class NodeGroup:
    """Nodes of one kernel with the same answer for a driver: the image now, the release to upgrade to, and the image then.

    The images are tags, `MISSING` and a tag, or `–`. `covered` is false if one is missing.
    """

    nodes: tuple[str, ...]
    kernel: str
    driver: str
    now: str
    to: str
    then: str
    covered: bool


def group_nodes(found: Sequence[Coverage]) -> list[NodeGroup]:
    """Return a group for each kind of node and driver: a fleet has many nodes and few kernels."""
    groups: dict[tuple[str, str, str, str, str], list[str]] = {}
    for entry in found:
        key = (entry.kernel, entry.driver, _describe(entry.now), entry.to or "–", _describe(entry.after))
        groups.setdefault(key, []).append(entry.node)
    return [
        NodeGroup(
            nodes=tuple(names),
            kernel=kernel,
            driver=driver,
            now=now,
            to=to,
            then=then,
            covered=not (now.startswith(_MISSING) or then.startswith(_MISSING)),
        )
        for (kernel, driver, now, to, then), names in groups.items()
    ]


def _print(survey: NodeSurvey, found: Sequence[Coverage]) -> None:
    columns = ["count", "nodes", "driver", "now", "upgrade to", "then"]
    table = [
        (str(len(group.nodes)), first_names(group.nodes), group.driver, group.now, group.to, group.then)
        for group in group_nodes(found)
    ]
    output.print_table(output.plural(len(survey.nodes), "node"), columns, table)


def _describe(need: ImageRequirement | None) -> str:
    return "–" if need is None else need.tag if need.covered else f"{_MISSING} {need.tag}"


def first_names(names: Sequence[str]) -> str:
    """Return the first names of nodes, and the number of the others."""
    more = [f"{len(names) - _NAMES} more"] if len(names) > _NAMES else []
    return ", ".join([*names[:_NAMES], *more])
