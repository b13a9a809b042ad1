import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lifecycle.cache.cache import BOOTED, TESTED
from lifecycle.cache.evidence import note_evidence
from lifecycle.cache.rehearsals import Rehearsed, note_rehearsal
from lifecycle.config.policy import Promotion
from lifecycle.config.schema import ModuleType
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from lifecycle.promotion.command import NotProvenError, PromotionRequest, missing_evidence, show_promotion
from lifecycle.promotion.evidence import CanaryEvidence, first_boots, gather_canary_evidence, radar_verdicts
from lifecycle.radar.model import RadarResult, Verdict
from lifecycle.radar.pages import FOLDER, JSON, write_result
from tests.support.builders.projects import component, local_image, project
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession
from tests.support.radar.results import modules, result

CANARY = ("{name: new-2, channel: current}", "{name: new-2, channel: canary}")
KERNEL = "6.12.117-amd64"
PROVEN = CanaryEvidence(
    combination="c/1", built=True, tested=True, booted=True, pushed=True, rehearsed="ready", radar="", days=20
)
NOTHING = CanaryEvidence(
    combination="c/2", built=False, tested=False, booted=False, pushed=False, rehearsed="", radar="", days=None
)
ALL = Promotion(built=True, tested=True, booted=True, pushed=True, rehearsed=True, days=14)
REQUEST = PromotionRequest(release="new-2")


@pytest.fixture
def session(tmp_path: Path) -> FakeSession:
    """Return a session whose canary has one image of two, for which nothing is proven; no registry answers."""
    given = project(component=component(CANARY, ("localhost:5000", "localhost:1")))
    image = local_image("localhost:1/team/nvidia-installer:1", digest=Targets(given).image(canary(given)[0]).digest)
    return FakeSession(given, tmp_path / "cache", FakeEngine(replace(image, id="sha256:1")))


def canary(given: LockedProject) -> list[Combination]:
    return [c for c in given.matrix.combinations if c.release == "new-2"]


def radar_result(verdicts: dict[ModuleType, Verdict]) -> RadarResult:
    """Return the result of a radar run about 550.163.01 for the kernel of the canary."""
    found = result(*(modules(verdict, module_type=t) for t, verdict in verdicts.items()))
    kernels = tuple(kernel.model_copy(update={"kernel": KERNEL}) for kernel in found.kernels)
    return found.model_copy(update={"kernels": kernels})


def boot(session: FakeSession, image: str, at: datetime) -> None:
    note_evidence(session.cache, BOOTED, image, {"kernelRelease": KERNEL, "recordedAt": at.isoformat()})


@pytest.mark.parametrize(
    ("entry", "policy", "missing"),
    [
        (PROVEN, ALL, []),
        (NOTHING, Promotion(built=False, booted=False), []),
        (NOTHING, Promotion(), ["c/2 is not built, is not booted"]),
        (replace(PROVEN, built=None), Promotion(), ["c/1 may not be built: no engine answers"]),
        (replace(PROVEN, pushed=None), ALL, ["c/1 may not be pushed: the registry does not answer"]),
        (replace(PROVEN, tested=False, pushed=False), ALL, ["c/1 is not tested, is not pushed"]),
        (replace(PROVEN, rehearsed=""), ALL, ["c/1 is not rehearsed"]),
        (replace(PROVEN, rehearsed="warning"), ALL, []),
        (replace(PROVEN, rehearsed="blocked"), ALL, ["c/1 was blocked in its rehearsal"]),
        (replace(PROVEN, days=14), ALL, []),
        (
            replace(PROVEN, days=1),
            ALL,
            ["c/1 has a kernel that first booted 1 day ago, and 14 are asked for"],
        ),
        (replace(PROVEN, days=None), ALL, ["c/1 has a kernel that never booted, and 14 are asked for"]),
    ],
)
def test_the_policy_decides_what_is_missing(entry: CanaryEvidence, policy: Promotion, missing: list[str]) -> None:
    assert missing_evidence([entry], policy) == missing


def test_a_release_without_an_image_has_no_evidence() -> None:
    assert missing_evidence([], Promotion()) == ["it has no image"]


def test_a_canary_without_evidence_is_refused_in_one_sentence(
    session: FakeSession, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotProvenError) as caught:
        show_promotion(session, REQUEST, as_json=False)

    assert caught.value.exit_code == 1
    assert caught.value.brief == (
        "new-2 stays a canary, because of policy.promotion in component.yaml: "
        f"new-2/{KERNEL}/535.309.01 is not booted; new-2/{KERNEL}/550.163.01 is not built, is not booted"
    )
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[1] == ["combination", "built", "tested", "booted", "pushed", "rehearsed", "days"]
    assert rows[2][1:] == ["yes", "–", "–", "unknown", "–", "–"]


def test_a_refusal_in_json_has_the_evidence_and_no_edit(
    session: FakeSession, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotProvenError):
        show_promotion(session, replace(REQUEST, dry_run=True), as_json=True)

    found = json.loads(capsys.readouterr().out)
    assert (found["dry_run"], found["done"], found["forced"]) == (True, [], False)
    assert [entry["built"] for entry in found["evidence"]] == [True, False]
    assert len(found["missing"]) == 2


def test_evidence_is_of_the_image_with_the_inputs_of_now(session: FakeSession) -> None:
    built, missing = canary(session.given)
    image = session.engine.images_there[0].id
    boot(session, image, datetime.now(UTC) - timedelta(days=3, hours=1))
    note_evidence(session.cache, TESTED, image, {"combination": "x"})
    inputs = Targets(session.given).image(missing).digest
    record = Rehearsed(
        combination="x", inputs=inputs, verdict="warning", reasons=(), nodes=1, groups=1, recorded_at=datetime.now(UTC)
    )
    note_rehearsal(session.cache, record)
    found = gather_canary_evidence(session, [built, missing])

    assert [(e.built, e.tested, e.booted, e.rehearsed, e.days) for e in found] == [
        (True, True, True, "", 3),
        (False, False, False, "warning", 3),
    ]


def test_days_count_from_the_first_boot_of_the_kernel_by_any_image(session: FakeSession) -> None:
    first = datetime(2026, 11, 1, tzinfo=UTC)
    boot(session, "sha256:new", first + timedelta(days=5))
    boot(session, "sha256:old", first)
    note_evidence(session.cache, BOOTED, "sha256:older", {"combination": "of a version without a time"})

    assert first_boots(session.cache) == {KERNEL: first}


def test_a_verdict_of_the_radar_is_a_column_if_there_is_one(
    session: FakeSession, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = {ModuleType.PROPRIETARY: Verdict.BREAKS, ModuleType.OPEN: Verdict.PATCHED}
    write_result(session.root / FOLDER, radar_result(verdicts))
    with pytest.raises(NotProvenError):
        show_promotion(session, REQUEST, as_json=False)

    rows = [re.split(r"\s{2,}", line) for line in capsys.readouterr().out.splitlines()]
    assert [row[6] for row in rows[1:4]] == ["radar", "–", "does not compile"]


@pytest.mark.parametrize("content", ["", "{", '{"kernels": 1}', '{"kernels": [{"kernel": "x"}]}'])
def test_a_damaged_file_of_the_radar_counts_as_none(session: FakeSession, content: str) -> None:
    (session.root / FOLDER).mkdir(parents=True)
    (session.root / FOLDER / JSON).write_text(content)

    assert [entry.radar for entry in gather_canary_evidence(session, canary(session.given))] == ["", ""]


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ({ModuleType.OPEN: Verdict.FITS}, Verdict.FITS),
        ({ModuleType.PROPRIETARY: Verdict.FITS, ModuleType.OPEN: Verdict.PATCHED}, Verdict.PATCHED),
        ({ModuleType.PROPRIETARY: Verdict.UNKNOWN, ModuleType.OPEN: Verdict.FITS}, Verdict.UNKNOWN),
        ({ModuleType.PROPRIETARY: Verdict.UNFIT, ModuleType.OPEN: Verdict.NOT_JUDGED}, Verdict.UNFIT),
    ],
)
def test_the_radars_verdict_is_that_of_the_worst_module_type(
    verdicts: dict[ModuleType, Verdict], worst: Verdict
) -> None:
    assert radar_verdicts(radar_result(verdicts)) == {(KERNEL, "550.163.01"): worst}
