"""`invoke rehearse`: the declared drivers against a real fleet, before any node changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.cache.rehearsals import Rehearsed, note_rehearsal
from lifecycle.config.versions import DRIVER_BRANCH, DRIVER_EXACT
from lifecycle.errors import InstallerError, UsageError
from lifecycle.kubernetes.coverage import UnreadableNodesError, file_shown, read_survey
from lifecycle.kubernetes.node_reader import NodeSurvey, describe_counts
from lifecycle.rehearsal.assess import GroupVerdict, Verdict, assess_group, worst
from lifecycle.rehearsal.boot import boot_groups
from lifecycle.rehearsal.gather import gather_evidence
from lifecycle.rehearsal.node_groups import group_kinds
from lifecycle.rehearsal.show import as_json, print_groups
from lifecycle.rehearsal.target import TargetFinder


class BlockedGroupsError(InstallerError):
    """Groups of nodes that the declared drivers are not ready for."""

    def __init__(self, blocked: Sequence[GroupVerdict], groups: int) -> None:
        nodes = sum(len(group.nodes) for group in blocked)
        super().__init__(
            f"{len(blocked)} of {output.plural(groups, 'group')} ({output.plural(nodes, 'node')}) "
            f"{'is' if len(blocked) == 1 else 'are'} blocked, the first because {blocked[0].reasons[0].text}"
        )


class NotADriverError(UsageError):
    """A target for all nodes that is no driver version."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"--driver: {text!r} is no driver: write a branch such as 550, or a version such as 550.163.01"
        )


@dataclass(frozen=True, kw_only=True)
class RehearsalRequest:
    """The options of a rehearsal. `driver` is a version or branch for all nodes, "" to follow the nodes."""

    nodes: str
    selector: str = ""
    driver: str = ""
    offline: bool = False
    boot: bool = False


def show_rehearsal(session: Session, request: RehearsalRequest, *, json: bool = False) -> None:
    """Print the verdict about each group of nodes in a file, `-` for standard input, and record it in the cache.

    Raises NotADriverError, BadNodesError, NoGpuNodesError, SelectorOfKernelsError, LabelSelectorError; and after the output
    BlockedGroupsError, and UnreadableNodesError for nodes that cannot be judged. With `boot` also what `boot_groups` raises.
    """
    if request.driver and not (DRIVER_BRANCH.fullmatch(request.driver) or DRIVER_EXACT.fullmatch(request.driver)):
        raise NotADriverError(request.driver)
    survey = read_survey(request.nodes, request.selector)
    groups = rehearse(session, survey, request)
    if request.boot:
        groups = boot_groups(session, groups)
    _record(session, groups)
    left_out = [f"left out: {describe_counts(survey.left_out)}"] if survey.left_out else []
    if json:
        output.print_json(as_json(groups, survey.left_out))
        for line in left_out:
            session.progress.say(line)
    else:
        if groups:
            print_groups(groups)
        output.print_lines(left_out)
    blocked = [group for group in groups if group.verdict is Verdict.BLOCKED]
    if survey.problems:
        counted = f"{output.plural(len(blocked), 'group')} blocked" if blocked else ""
        raise UnreadableNodesError(file_shown(request.nodes), survey.problems, counted)
    if blocked:
        raise BlockedGroupsError(blocked, len(groups))


def rehearse(session: Session, survey: NodeSurvey, request: RehearsalRequest) -> list[GroupVerdict]:
    """Return the verdict about each group of nodes."""
    finder = TargetFinder(session.locked_project.matrix, request.driver)
    kinds = group_kinds(survey)
    targets = {kind: finder.find(kind) for kind in kinds}
    combinations = list(dict.fromkeys(target.combination for target in targets.values() if target.combination))
    evidence = gather_evidence(session, combinations, offline=request.offline)
    return [assess_group(kind, nodes, targets[kind], evidence) for kind, nodes in kinds.items()]


def _record(session: Session, groups: Sequence[GroupVerdict]) -> None:
    """Save the result for each target, the worst of its groups."""
    now = datetime.now(UTC)
    by_inputs: dict[str, list[GroupVerdict]] = {}
    for group in groups:
        if group.image:
            by_inputs.setdefault(group.image.inputs, []).append(group)
    for inputs, members in by_inputs.items():
        combination = members[0].target.combination
        # A group that no machine could stand for says nothing.
        booted = [not group.boot_failed for group in members if group.booted is not None]
        note_rehearsal(
            session.cache,
            Rehearsed(
                combination=combination.id if combination else "",
                inputs=inputs,
                verdict=worst([group.verdict for group in members]),
                reasons=tuple(dict.fromkeys(reason.text for group in members for reason in group.reasons)),
                nodes=sum(len(group.nodes) for group in members),
                groups=len(members),
                booted=all(booted) if booted else None,
                recorded_at=now,
            ),
        )
