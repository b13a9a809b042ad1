from lifecycle.cache.patch_states import PatchState, PatchUse
from lifecycle.commands.explain import facts, patch_lines
from lifecycle.config.patches import Patch, PatchSeries
from lifecycle.config.schema import ModuleType
from tests.support.builders.projects import component, project


def test_all_that_the_files_say_of_a_combination() -> None:
    patch = Patch(file="a.patch", module_type=ModuleType.OPEN, kernel=">=6.12", reason="it does not compile")
    matrix = project(series=PatchSeries(patches=[patch])).matrix

    assert facts(matrix.combinations[0]) == [
        "old-1/6.1.0-56-cloud-amd64/535.309.01: in the matrix",
        "  channel   previous, from release old-1",
        "  kernel    6.1.0-56-cloud-amd64, Linux 6.1.192",
        "  driver    535.309.01, the newest of branch 535",
        "  in        proprietary modules",
        "  out       open modules: there are no open modules of it",
    ]
    assert facts(matrix.combinations[3]) == [
        "new-2/6.12.117-amd64/550.163.01: in the matrix",
        "  channel   current, from release new-2",
        "  kernel    6.12.117-amd64, Linux 6.12.117",
        "  driver    550.163.01",
        "  in        proprietary modules",
        "  in        open modules",
    ]


def test_each_state_of_a_patch_has_its_line() -> None:
    patch = Patch(file="a.patch", probe="a.c", reason="Linux has no in_irq() any more")
    uses = [PatchUse(module_type=ModuleType.OPEN, patch=patch, state=state) for state in PatchState]

    assert patch_lines(uses) == [
        "  patched   open modules, a.patch: Linux has no in_irq() any more",
        "  unpatched open modules, a.patch: not needed, said a.c",
        "  asks      open modules, a.patch: a.c asks the kernel's headers when the modules are compiled",
    ]


def test_a_combination_of_which_nothing_is_left_is_excluded_with_its_reasons() -> None:
    rule = '\n    - {kernel: ">=6.12", reason: the kernel breaks them all}\nsources:'
    (first, _) = project(component=component(("\nsources:", rule))).matrix.excluded

    assert facts(first) == [
        "new-2/6.12.117-amd64/535.309.01: excluded",
        "  channel   current, from release new-2",
        "  kernel    6.12.117-amd64, Linux 6.12.117",
        "  driver    535.309.01, the newest of branch 535",
        "  out       proprietary modules: the kernel breaks them all",
        "  out       open modules: there are no open modules of it",
    ]
