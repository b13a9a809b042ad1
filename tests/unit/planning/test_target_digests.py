"""The digests of a fixed project, written down: one that changes has everybody compile everything again."""

from dataclasses import replace

import pytest

from lifecycle.config.patches import Patch, PatchSeries
from lifecycle.config.schema import ModuleType
from lifecycle.config.security import Signer
from lifecycle.planning.targets import Kind, Target, Targets
from tests.support.builders.projects import project

PATCH = Patch(file="a.patch", module_type=ModuleType.OPEN, reason="it does not compile")


def one_of_each_kind() -> dict[Kind, Target]:
    unsigned = project(series=PatchSeries(patches=[PATCH]), patch_digests={"a.patch": "1"})
    signer = Signer(certificate="a certificate", fingerprint="abc", hash="sha256")
    recipes = {**unsigned.recipes, "signed": {"scripts/signer/sign-modules": "1"}}
    targets = Targets(replace(unsigned, signer=signer, recipes=recipes))
    combination = targets.project.matrix.combinations[-1]
    return {
        target.kind: target
        for target in (
            targets.builder(combination),
            targets.compiled(combination, ModuleType.OPEN),
            targets.modules(combination, ModuleType.OPEN),
            targets.userspace(combination),
            targets.archive(combination, ModuleType.OPEN),
            targets.image(combination),
        )
    }


@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        (Kind.BASE, "3edb6bb8b9f7e03ee6d6c5b3a2e9bea784982fa0db202d5f56cb98d33ffc40c0"),
        (Kind.MODULES, "8f9a484cdf208e0cc05886831ca0ce8b3d8749b8797e0f7020363fcacd6992fa"),
        (Kind.SIGNED, "d4c2fe6320c42f7d8122b86d02d4a447ea0c76ff5f7e17ce420acbf1cebc9c0a"),
        (Kind.USERSPACE, "17009215640aaa0cdefefd9255edf4385d745fef8106faa9d189a2bd3870f7bf"),
        (Kind.ARCHIVE, "a301ef421af38120cdaa14c04f43dcaf6b8d7aef057d1ef366ec3d063dba8895"),
        (Kind.IMAGE, "1f94ef593ec2e09df6aaccb27289677bc00f306d01ada7a349fa80443e02cd52"),
    ],
)
def test_the_same_inputs_give_the_digest_that_they_have_always_given(kind: Kind, digest: str) -> None:
    assert one_of_each_kind()[kind].digest == digest
