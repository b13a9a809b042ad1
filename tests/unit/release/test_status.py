from typing import Any

import pytest

from lifecycle.gitops.rollout_state import MERGED, PROPOSED, UNDECLARED, UNKNOWN
from lifecycle.release.status import next_step

ARRIVED = {"built": True, "tested": True, "pushed": "sha256:1", "held": False, "gitops": MERGED, "wants_pool": False}


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"built": False, "tested": False, "pushed": "", "gitops": ""}, "invoke build"),
        ({"tested": False, "pushed": "", "gitops": ""}, "nox -s test_images"),
        ({"pushed": "", "gitops": ""}, "invoke push"),
        ({"built": False, "tested": False, "gitops": ""}, "invoke bump-gitops"),
        ({"held": True, "gitops": ""}, "invoke reproduce --sign, on the second builder"),
        ({"gitops": PROPOSED}, "merge our/branch"),
        ({"wants_pool": True}, "invoke bump-pools"),
        ({"gitops": UNDECLARED}, ""),
        ({"pushed": UNKNOWN}, ""),
        ({"pushed": UNKNOWN, "built": False, "tested": False}, "invoke build"),
        ({"pushed": UNKNOWN, "tested": False}, "nox -s test_images"),
        ({"gitops": UNKNOWN}, ""),
        ({}, ""),
    ],
)
def test_the_next_step_is_the_first_that_lacks(change: dict[str, Any], step: str) -> None:
    assert next_step(**{**ARRIVED, **change}, branch="our/branch") == step
