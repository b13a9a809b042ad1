from dataclasses import replace
from datetime import date

import pytest

from lifecycle.advisories.assess import Finding
from lifecycle.kubernetes.nodes import ClusterNode
from lifecycle.rehearsal.assess import Evidence, GroupVerdict, ImageState, Verdict, assess_group, worst
from lifecycle.rehearsal.gpu_table import read_gpu_table
from lifecycle.rehearsal.node_groups import Gpus, NodeKind
from lifecycle.rehearsal.target import TargetFinder
from tests.support.builders.projects import project
from tests.support.checkout import ROOT
from tests.support.machines.node_host import B200, H100

MATRIX = project().matrix
KERNEL = MATRIX.combinations[0].kernel
TABLE = read_gpu_table(ROOT)
KIND = NodeKind(
    node=ClusterNode(name="", kernel=KERNEL, architecture="amd64", release="old-1"),
    gpus=Gpus(ids=(H100,)),
    driver="550.163.01",
    wanted="",
)
PUSHED = ImageState(inputs="1", built=True, pushed=True, digest="sha256:1")
FINDING = Finding(
    driver="550.163.01",
    bulletin="5678",
    date=date(2026, 10, 1),
    fixed_in="550.200.01",
    cves=("CVE-1", "CVE-2"),
    score=8.0,
    severity="HIGH",
)


def assess(kind: NodeKind = KIND, image: ImageState = PUSHED, *findings: Finding) -> GroupVerdict:
    evidence = Evidence(table=TABLE, images=dict.fromkeys(MATRIX.combinations, image), findings=findings)
    return assess_group(kind, ["a"], TargetFinder(MATRIX).find(kind), evidence)


def texts(group: GroupVerdict) -> list[tuple[Verdict, str]]:
    return [(reason.verdict, reason.text) for reason in group.reasons]


def test_a_pushed_image_that_fits_is_ready() -> None:
    group = assess()

    assert (group.verdict, group.reasons, group.fit.module_type) == (Verdict.READY, (), "proprietary")


@pytest.mark.parametrize(
    ("image", "verdict", "text"),
    [
        (ImageState(inputs="1", built=True, pushed=False), Verdict.WARNING, "the image is built and not pushed"),
        (ImageState(inputs="1", built=False, pushed=False), Verdict.BLOCKED, "the image is neither built nor pushed"),
        (ImageState(inputs="1", pushed=False), Verdict.BLOCKED, "the image is not in the registry"),
        (
            ImageState(inputs="1", built=False),
            Verdict.WARNING,
            "the image is not built here, and the registry was not asked or does not answer",
        ),
        (
            replace(PUSHED, problems=("the image is not signed",)),
            Verdict.BLOCKED,
            "the image is not verified: the image is not signed",
        ),
    ],
)
def test_an_image_that_lacks_something_has_a_reason(image: ImageState, verdict: Verdict, text: str) -> None:
    assert texts(assess(image=image)) == [(verdict, text)]


@pytest.mark.parametrize(
    "image", [ImageState(inputs="1", built=True), replace(PUSHED, built=None), replace(PUSHED, problems=())]
)
def test_an_image_that_is_built_or_pushed_and_verified_has_none(image: ImageState) -> None:
    assert assess(image=image).verdict is Verdict.READY


def test_gpus_that_the_driver_does_not_drive_block() -> None:
    assert texts(assess(replace(KIND, gpus=Gpus(ids=(B200,))))) == [
        (
            Verdict.BLOCKED,
            "driver 550.163.01 cannot drive the GPUs: "
            "10de:2901 (Blackwell) needs a driver of branch 570 or newer with open modules",
        )
    ]


def test_unknown_gpus_and_known_holes_are_warnings_and_name_the_fix() -> None:
    group = assess(replace(KIND, gpus=Gpus()), PUSHED, FINDING, replace(FINDING, driver="535.309.01"))

    assert texts(group) == [
        (Verdict.WARNING, "no label tells which GPUs the nodes have"),
        (Verdict.WARNING, "driver 550.163.01 has known holes: bulletin 5678, 2 CVEs, HIGH"),
    ]
    assert group.reasons[1].remedy == "take 550.200.01 or newer"


def test_a_downgrade_is_a_warning() -> None:
    assert texts(assess(replace(KIND, driver="580.105.08"))) == [
        (Verdict.WARNING, "a downgrade: the nodes have 580.105.08, which is newer than 550.163.01")
    ]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (replace(KIND, wanted="580"), "component.yaml has no driver 580"),
        (
            replace(KIND, node=replace(KIND.node, kernel="6.1.0-99-cloud-amd64")),
            "no release of component.yaml has the kernel 6.1.0-99-cloud-amd64: "
            "the image 550.163.01-6.1.0-99-cloud-amd64-old-1 is MISSING",
        ),
    ],
)
def test_a_group_without_a_target_is_blocked(kind: NodeKind, text: str) -> None:
    group = assess(kind)

    assert texts(group) == [(Verdict.BLOCKED, text)]
    assert group.image is None


def test_the_worst_reason_comes_first_and_is_the_verdict() -> None:
    group = assess(KIND, ImageState(inputs="1", built=False, pushed=False), FINDING)

    assert [reason.verdict for reason in group.reasons] == [Verdict.BLOCKED, Verdict.WARNING]
    assert group.verdict is Verdict.BLOCKED
    assert worst([]) is Verdict.READY
