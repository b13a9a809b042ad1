import pytest

from lifecycle.app import build_output
from lifecycle.cache.patch_states import PatchState, PatchUse
from lifecycle.config.patches import Patch
from lifecycle.config.schema import ModuleType
from tests.support.builders.projects import project

MATRIX = project().matrix
SECOND = MATRIX.combinations[3]
PATCH = Patch(file="a.patch", module_type=ModuleType.OPEN, reason="it does not compile")


@pytest.mark.parametrize(
    ("states", "cell"),
    [
        ([], "–"),
        (["applied"], "a0.patch"),
        (["not asked yet"], "a0.patch: not asked yet"),
        (["not needed"], "–"),
        (["applied", "not needed", "applied"], "2 applied"),
        (["applied", "not asked yet", "not asked yet"], "1 applied, 2 not asked yet"),
    ],
)
def test_patches_are_counted_by_their_state(states: list[str], cell: str, capsys: pytest.CaptureFixture[str]) -> None:
    uses = [
        PatchUse(
            module_type=ModuleType.OPEN,
            patch=PATCH.model_copy(update={"file": f"a{number}.patch"}),
            state=PatchState(state),
        )
        for number, state in enumerate(states)
    ]
    build_output.print_matrix(MATRIX, [SECOND], {SECOND: uses})

    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(SECOND.id) and "open" in line]
    assert line.partition("open")[2].strip() == cell
