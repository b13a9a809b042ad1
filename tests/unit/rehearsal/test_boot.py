"""`--boot`: which machines are booted, and what a verdict makes of them. A program in place of nox boots none."""

import json
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cache.rehearsals import read_rehearsal
from lifecycle.kubernetes.nodes import ClusterNode
from lifecycle.planning.targets import Targets
from lifecycle.rehearsal.assess import Evidence, GroupVerdict, ImageState, Verdict, assess_group
from lifecycle.rehearsal.boot import BootFailedError, BootOutcome, OtherCacheError, find_pair, with_outcome
from lifecycle.rehearsal.command import BlockedGroupsError, RehearsalRequest, show_rehearsal
from lifecycle.rehearsal.gpu_table import read_gpu_table
from lifecycle.rehearsal.node_groups import Gpus, NodeKind
from lifecycle.rehearsal.target import TargetFinder
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.labels import LABEL_DIGEST, LABEL_DRIVER, LABEL_KERNEL
from tests.support.builders.projects import project
from tests.support.checkout import ROOT
from tests.support.cluster_nodes import KERNEL, as_list, node
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession

NOX = """\
import json, pathlib, sys
(option,) = [word for word in sys.argv if word.startswith("--rehearsal=")]
plan = pathlib.Path(option.partition("=")[2])
pathlib.Path("asked.json").write_text(json.dumps(sys.argv[1:]))
pairs = json.loads(plan.read_text())["pairs"]
outcomes = [{"pair": pair, "drivers": [pair["old_driver"], pair["new_driver"]], "problem": "PROBLEM"} for pair in pairs]
plan.with_name("outcomes.json").write_text(json.dumps({"outcomes": outcomes}))
"""
NODE = node("a", labels={"gpu": "nvidia", "feature.node.kubernetes.io/pci-0302_10de_2330.present": "true"})
MATRIX = project().matrix


def image(driver: str, kernel: str = KERNEL, *, digest: str = "") -> LocalImage:
    labels = {LABEL_DRIVER: driver, LABEL_KERNEL: kernel, LABEL_DIGEST: digest or f"{driver} {kernel}"}
    tags = ("localhost:5000/team/nvidia-installer:x",)
    return LocalImage(id=f"sha256:{driver}-{kernel}", tags=tags, size=1, labels=labels)


def group(driver: str = "", kernel: str = KERNEL) -> GroupVerdict:
    """Return a group of nodes that get 550, with the driver that they have now."""
    kind = NodeKind(
        node=ClusterNode(name="", kernel=kernel, architecture="amd64"), gpus=Gpus(), driver=driver, wanted="550"
    )
    evidence = Evidence(
        table=read_gpu_table(ROOT),
        images=dict.fromkeys(MATRIX.combinations, ImageState(inputs="new", built=True, pushed=True)),
    )
    return assess_group(kind, ["a"], TargetFinder(MATRIX).find(kind), evidence)


def images(*found: LocalImage) -> dict[str, LocalImage]:
    return {one.labels[LABEL_DIGEST]: one for one in found}


NEW = image("550.163.01", digest="new")


@pytest.mark.parametrize(
    ("now", "others", "old"),
    [
        ("535.261.03", [image("535.309.01"), image("535.261.03")], "535.261.03"),
        ("", [image("535.309.01"), image("535.261.03")], "535.261.03"),
        ("550.163.01", [image("535.309.01")], "535.309.01"),
        ("535.261.03", [image("535.309.01"), image("535.261.03", "6.12.117-amd64")], "535.309.01"),
    ],
    ids=["driver now", "unknown driver", "same driver", "only of another kernel"],
)
def test_the_old_image_is_that_of_the_driver_or_another_of_the_kernel(
    now: str, others: list[LocalImage], old: str
) -> None:
    pair = find_pair(group(now), images(NEW, *others))

    assert pair is not None
    assert (pair.old_driver, pair.new_driver, pair.new) == (old, "550.163.01", NEW.id)


@pytest.mark.parametrize(
    ("of", "found"),
    [
        (group(), [NEW]),
        (group(), [image("535.309.01")]),
        (group(kernel="6.1.0-99-cloud-amd64"), [NEW, image("535.309.01")]),
    ],
    ids=["no other image", "not built", "no target"],
)
def test_without_two_images_there_is_no_machine(of: GroupVerdict, found: list[LocalImage]) -> None:
    assert find_pair(of, images(*found)) is None


def test_a_boot_that_fails_blocks_and_one_that_ends_well_does_not() -> None:
    of = group("535.309.01")
    pair = find_pair(of, images(NEW, image("535.309.01")))
    assert pair is not None
    well = with_outcome(of, BootOutcome(pair=pair, drivers=("535.309.01", "550.163.01", "535.309.01")))
    failed = with_outcome(of, BootOutcome(pair=pair, problem="the guest did not power off within 600 s"))

    assert (well.verdict, well.boot_failed) == (Verdict.WARNING, False)
    assert (failed.verdict, failed.booted) == (Verdict.BLOCKED, ())
    assert failed.reasons[0].text == (
        "on its kernel, 550.163.01 after 535.309.01 fails: the guest did not power off within 600 s"
    )


class Rehearsal:
    """A session whose engine has both images of a kernel, a program in place of nox, and the file of a node."""

    def __init__(self, session: FakeSession, folder: Path, problem: str) -> None:
        given = session.given
        built = [
            image(c.driver, c.kernel, digest=Targets(given).image(c).digest)
            for c in given.matrix.combinations
            if c.kernel == KERNEL
        ]
        session.engine = FakeEngine(*built)
        session.environ = {"XDG_CACHE_HOME": str(folder)}
        session.cache.root = folder / "nvidia-installer"
        session.cache.tmp = session.cache.root / "tmp"
        (folder / "nox.py").write_text(NOX.replace("PROBLEM", problem))
        (folder / "nodes.json").write_bytes(as_list(NODE))
        self.session, self.folder = session, folder
        self.combination = given.matrix.combinations[1]

    def show(self) -> None:
        request = RehearsalRequest(nodes=str(self.folder / "nodes.json"), offline=True, boot=True)
        show_rehearsal(self.session, request)

    def recorded(self) -> Any:  # noqa: ANN401 - a field of the record
        found = read_rehearsal(self.session.cache, Targets(self.session.given).image(self.combination).digest)
        return found and found.booted


def test_nox_boots_the_targets_and_the_verdict_tells(
    session: FakeSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rehearsal = Rehearsal(session, tmp_path, "")
    rehearsal.show()
    asked = json.loads((tmp_path / "asked.json").read_text())

    assert "booted: a: the drivers were 535.309.01, 550.163.01 in turn" in capsys.readouterr().out
    assert [word for word in asked if not word.startswith("--rehearsal=")] == [
        *("--session", "test_node", "--", f"--only={rehearsal.combination.id}", "-k", "rehearsal")
    ]
    assert rehearsal.recorded() is True


def test_a_boot_that_fails_is_recorded(session: FakeSession, tmp_path: Path) -> None:
    rehearsal = Rehearsal(session, tmp_path, "it hangs")
    with pytest.raises(BlockedGroupsError, match=r"550\.163\.01 after 535\.309\.01 fails: it hangs"):
        rehearsal.show()

    assert rehearsal.recorded() is False


def test_a_session_of_nox_that_boots_nothing_is_one_sentence(session: FakeSession, tmp_path: Path) -> None:
    rehearsal = Rehearsal(session, tmp_path, "")
    (tmp_path / "nox.py").write_text("raise SystemExit(3)")
    with pytest.raises(BootFailedError, match="`nox -s test_node` ended with exit code 3"):
        rehearsal.show()


def test_a_target_without_another_image_of_its_kernel_is_a_warning(session: FakeSession, tmp_path: Path) -> None:
    rehearsal = Rehearsal(session, tmp_path, "")
    session.engine.images_there = session.engine.images_there[1:]
    rehearsal.show()

    assert f"{rehearsal.combination.id} is not booted: the engine needs" in session.said.getvalue()
    assert rehearsal.recorded() is None


def test_another_cache_than_that_of_the_tests_ends_with_2(session: FakeSession, tmp_path: Path) -> None:
    rehearsal = Rehearsal(session, tmp_path, "")
    session.environ = {"XDG_CACHE_HOME": str(tmp_path / "elsewhere")}
    with pytest.raises(OtherCacheError) as caught:
        rehearsal.show()

    assert caught.value.exit_code == 2
