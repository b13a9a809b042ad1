"""The output of `invoke rehearse`: a row for each group, the reasons below, and JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lifecycle.app import output
from lifecycle.kubernetes.coverage import first_names
from lifecycle.rehearsal.assess import GroupVerdict, Reason, Verdict, worst

_NONE = "–"


def print_groups(groups: Sequence[GroupVerdict]) -> None:
    """Print a table of groups, and the reasons of those that are not ready."""
    columns = ["count", "nodes", "kernel", "GPUs", "driver", "target", "path", "modules", "image", "verdict"]
    rows = [
        (
            str(len(group.nodes)),
            first_names(group.nodes),
            group.kind.node.kernel,
            str(group.kind.gpus),
            group.kind.driver or "unknown",
            group.target.driver,
            group.target.path,
            group.fit.module_type or _NONE,
            _image(group),
            group.verdict,
        )
        for group in groups
    ]
    nodes = sum(len(group.nodes) for group in groups)
    title = f"{output.plural(nodes, 'node')} in {output.plural(len(groups), 'group')}"
    output.print_table(title, columns, rows, in_summary=True)
    output.print_lines(_reasons(groups))


def _image(group: GroupVerdict) -> str:
    image = group.image
    if image is None:
        return "excluded" if group.target.excluded else "MISSING" if group.target.declared else _NONE
    if image.pushed:
        return "pushed" if image.problems is None else "not verified" if image.problems else "signed"
    if image.built:
        return "built"
    return _NONE if image.pushed is False or image.built is False else "unknown"


def _reasons(groups: Sequence[GroupVerdict]) -> Iterator[str]:
    """Yield a line for each reason, the worst first, with the nodes of all groups that have it."""
    nodes: dict[Reason, list[str]] = {}
    for group in groups:
        for reason in group.reasons:
            nodes.setdefault(reason, []).extend(group.nodes)
    order = list(Verdict)
    for reason in sorted(nodes, key=lambda reason: -order.index(reason.verdict)):
        yield f"{reason.verdict}: {first_names(nodes[reason])}: {reason.text}: {reason.remedy}"
    for group in groups:
        if group.booted:
            yield f"booted: {first_names(group.nodes)}: the drivers were {', '.join(group.booted)} in turn"


def as_json(groups: Sequence[GroupVerdict], left_out: Mapping[str, int]) -> dict[str, Any]:
    """Return the result as plain data."""
    return {
        "verdict": worst([group.verdict for group in groups]),
        "nodes": sum(len(group.nodes) for group in groups),
        "left_out": dict(left_out),
        "groups": [_group(group) for group in groups],
    }


def _group(group: GroupVerdict) -> dict[str, Any]:
    node, target, image = group.kind.node, group.target, group.image
    return {
        "verdict": group.verdict,
        "nodes": list(group.nodes),
        "kernel": node.kernel,
        "release": node.release,
        "architecture": node.architecture,
        "gpus": list(group.kind.gpus.ids),
        "product": group.kind.gpus.product or None,
        "family": group.kind.gpus.family or None,
        "driver": group.kind.driver or None,
        "target": {
            "driver": target.driver,
            "combination": target.combination.id if target.combination else None,
            "tag": target.tag,
            "path": target.path,
            "module_type": group.fit.module_type or None,
            "inputs": image.inputs if image else None,
            "digest": image.digest or None if image else None,
            "built": image.built if image else None,
            "pushed": image.pushed if image else None,
            "verified": None if image is None or image.problems is None else not image.problems,
        },
        "booted": list(group.booted) if group.booted is not None else None,
        "reasons": [{"verdict": r.verdict, "text": r.text, "remedy": r.remedy} for r in group.reasons],
    }
