"""A plan as lines, and the targets in the plan of the tests' default project."""

from dataclasses import replace

from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.plan import Plan, make_plan
from lifecycle.planning.targets import Kind, Targets
from tests.support.builders.projects import project
from tests.support.fakes.build_state import FakeBuildState

NEVER = "never built before"
SAME = "same inputs"
NOT_NEEDED = "not needed: the targets made of it exist"
Lines = list[tuple[str, Kind, str, str]]

OLD, NEW = "6.1.0-56-cloud-amd64", "6.12.117-amd64"
NAMES = [
    (Kind.BASE, "BUILDER_OLD_1"),
    (Kind.BASE, "RUNTIME"),
    (Kind.BASE, "BUILDER_NEW_2"),
    (Kind.MODULES, f"{OLD}/535.309.01/proprietary"),
    (Kind.MODULES, f"{OLD}/550.163.01/proprietary"),
    (Kind.MODULES, f"{OLD}/550.163.01/open"),
    (Kind.MODULES, f"{NEW}/535.309.01/proprietary"),
    (Kind.MODULES, f"{NEW}/550.163.01/proprietary"),
    (Kind.MODULES, f"{NEW}/550.163.01/open"),
    (Kind.USERSPACE, "535.309.01/amd64"),
    (Kind.USERSPACE, "550.163.01/amd64"),
    (Kind.ARCHIVE, f"{OLD}/535.309.01/proprietary"),
    (Kind.ARCHIVE, f"{OLD}/550.163.01/proprietary"),
    (Kind.ARCHIVE, f"{OLD}/550.163.01/open"),
    (Kind.ARCHIVE, f"{NEW}/535.309.01/proprietary"),
    (Kind.ARCHIVE, f"{NEW}/550.163.01/proprietary"),
    (Kind.ARCHIVE, f"{NEW}/550.163.01/open"),
    (Kind.IMAGE, f"old-1/{OLD}/535.309.01"),
    (Kind.IMAGE, f"old-1/{OLD}/550.163.01"),
    (Kind.IMAGE, f"new-2/{NEW}/535.309.01"),
    (Kind.IMAGE, f"new-2/{NEW}/550.163.01"),
]


def plan(of: LockedProject, state: FakeBuildState, *, only: slice = slice(None), last: Kind = Kind.IMAGE) -> Plan:
    """Return the plan for all combinations of a project, or for some of them."""
    return make_plan(Targets(of), of.matrix.combinations[only], state, last=last)


def lines(made: Plan) -> Lines:
    """Return a line for each action: RUN, TAKE or SKIP, the kind, the name and the reason."""
    return [
        ("RUN" if a.run else "TAKE" if a.take else "SKIP", a.target.kind, a.target.name, a.reason) for a in made.actions
    ]


def to_run(made: Plan) -> Lines:
    """Return the lines of the actions that run."""
    return [line for line in lines(made) if line[0] == "RUN"]


def changed_recipe(kind: str, file: str) -> LockedProject:
    """Return the default project with another version of a recipe file of a kind."""
    now = project()
    return replace(now, recipes={**now.recipes, kind: {**now.recipes[kind], file: "2"}})
