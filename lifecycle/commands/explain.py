"""`invoke explain`: why a combination is in, out, patched or rebuilt."""

from collections.abc import Sequence

from lifecycle.app import build_output, output
from lifecycle.app.next_step import selecting
from lifecycle.app.session import Session
from lifecycle.cache.patch_states import PatchState, PatchUse, patch_uses
from lifecycle.planning.matrix import Combination
from lifecycle.planning.plan import make_plan
from lifecycle.planning.selector import NothingSelectedError, matches
from lifecycle.planning.targets import Targets
from lifecycle.tools.engine.errors import EngineUnreachableError


def show_explanation(session: Session, selector: str, *, as_json: bool) -> str:
    """Print the facts and the plan of the selected combinations, excluded ones too. Return the next step.

    Raises NothingSelectedError.
    """
    matrix = session.locked_project.matrix
    everything = [*matrix.combinations, *matrix.excluded]
    selected = [combination for combination in everything if matches(selector, combination)]
    if not selected:
        raise NothingSelectedError(selector, [c.id for c in everything], option="invoke explain")
    targets = Targets(session.locked_project)
    if as_json:
        output.print_json([_plain(session, targets, combination) for combination in selected])
        return ""
    for combination in selected:
        uses = patch_uses(combination, targets, session.cache)
        plan = _plan(session, targets, combination) if combination.module_types else []
        output.print_lines([*facts(combination), *patch_lines(uses), *plan])
    if any(combination.module_types for combination in selected):
        return selecting("invoke build --dry-run", selector)
    return "remove or narrow the entry under `exclude` in component.yaml, if its reason is no more"


def _plain(session: Session, targets: Targets, combination: Combination) -> dict[str, object]:
    """Return a combination as plain data, with its plan, or with why that is unknown."""
    uses = patch_uses(combination, targets, session.cache)
    plain = build_output.combination_row(combination, uses)
    if not combination.module_types:
        return {**plain, "plan": []}
    try:
        plan = make_plan(targets, [combination], session.state())
    except EngineUnreachableError as error:
        return {**plain, "plan": None, "problem": error.brief}
    return {**plain, "plan": build_output.plan_rows(plan.actions)}


def facts(combination: Combination) -> list[str]:
    """Return what the configuration files say about a combination."""
    state = "in the matrix" if combination.module_types else "excluded"
    declared = combination.declared_driver
    lines = [
        f"{combination.id}: {state}",
        f"  channel   {combination.channel}, from release {combination.release}",
        f"  kernel    {combination.kernel}, Linux {combination.linux}",
        f"  driver    {combination.driver}"
        + (f", the newest of branch {declared}" if declared != combination.driver else ""),
    ]
    lines += [f"  in        {module_type} modules" for module_type in combination.module_types]
    lines += [f"  out       {e.module_type} modules: {e.reason}" for e in combination.excluded]
    return lines


def patch_lines(uses: Sequence[PatchUse]) -> list[str]:
    """Return a line for each patch of a combination."""
    said = {PatchState.APPLIED: "patched", PatchState.NOT_NEEDED: "unpatched", PatchState.NOT_ASKED: "asks"}
    return [f"  {said[u.state]:<9} {u.module_type} modules, {u.patch.file}: {_reason(u)}" for u in uses]


def _reason(use: PatchUse) -> str:
    if use.state is PatchState.NOT_NEEDED:
        return f"not needed, said {use.patch.probe}"
    if use.state is PatchState.NOT_ASKED:
        return f"{use.patch.probe} asks the kernel's headers when the modules are compiled"
    return use.patch.reason


def _plan(session: Session, targets: Targets, combination: Combination) -> list[str]:
    try:
        plan = make_plan(targets, [combination], session.state())
    except EngineUnreachableError as error:
        return [f"  built     unknown: {error.brief}"]
    return [
        f"  {'build' if action.run else 'keep ':<9} {action.target.kind} {action.target.name}: {action.reason}"
        for action in plan.actions
    ]
