"""The digests of a fixed project, written down: one that changes has everybody compile everything again."""

from dataclasses import replace

import pytest

from lifecycle.model.patches import Patch, PatchSeries
from lifecycle.model.schema import ModuleType
from lifecycle.model.signing import Signer
from lifecycle.model.targets import Kind, Target, Targets
from tests.unit.builders import project

PATCH = Patch(file="a.patch", module_type=ModuleType.OPEN, reason="it does not compile")


def one_of_each_kind() -> dict[Kind, Target]:
    unsigned = project(series=PatchSeries(patches=[PATCH]), patch_digests={"a.patch": "1"})
    signer = Signer(certificate="a certificate", fingerprint="abc", hash="sha256")
    recipes = {**unsigned.recipes, "signed": {"scripts/signer/sign-modules": "1"}}
    targets = Targets(replace(unsigned, signer=signer, recipes=recipes))
    combination = targets.project.matrix().combinations[-1]
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
        (Kind.BASE, "0183b2ccd100c14f1b6b638ded6fe8ddbc92da8b8ce1e5d25d0afaddb804f0d9"),
        (Kind.MODULES, "ed2cc2b10733a4ef77947ba96fc23992d5d0a7ea531f50d5e583ace2bb945b3a"),
        (Kind.SIGNED, "3c6d70fcd2be77359269d360af48620b0746f53bf291c482ab8c3b0d821f973b"),
        (Kind.USERSPACE, "703003c3c30a296f0c09cc4a9cab716fd26e5a43e0fbb4087b3c4351a9b3abbf"),
        (Kind.ARCHIVE, "dcdad2dfade3ee1baf39f53682fe067db3a8e5c2d76654c175f95c332d861874"),
        (Kind.IMAGE, "1f487a907f54d71a3920b7f2138a78bac2d18f313422a20521f63bc848555ec0"),
    ],
)
def test_the_same_inputs_give_the_digest_that_they_have_always_given(kind: Kind, digest: str) -> None:
    assert one_of_each_kind()[kind].digest == digest
