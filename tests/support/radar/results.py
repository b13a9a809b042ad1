"""Results of the radar: a kernel with one set of modules of each verdict."""

from datetime import UTC, datetime

from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.radar.model import (
    Arrival,
    Cause,
    CauseKind,
    KernelJudgement,
    ModulesJudgement,
    RadarResult,
    SymbolChanges,
    Verdict,
)

CAUSE = Cause(
    kind=CauseKind.MEMBER, place="nvidia/nv.c:12", name="x", words="'struct vma' has no member named 'x' | <script>"
)
SYMBOLS = SymbolChanges(compared=9, missing=("gone",), changed=("a", "b"), gpl_only=("free",), refused=("free",))
WARNING = "debian-13: sid: the archive of sid cannot be used; E: Release file is expired"


def modules(verdict: Verdict, **changes: object) -> ModulesJudgement:
    """Return a judgement of the open modules of driver 550.163.01; `changes` are its other fields."""
    fields = {"driver": "550.163.01", "module_type": ModuleType.OPEN, "digest": "d" * 64, "verdict": verdict, **changes}
    return ModulesJudgement.model_validate(fields)


EACH = (
    modules(Verdict.FITS, symbols=SYMBOLS),
    modules(Verdict.PATCHED, patches=("a.patch", "b.patch")),
    modules(Verdict.BREAKS, cause=CAUSE, helps=("c.patch",)),
    modules(Verdict.NOT_JUDGED, reason="no container engine answers"),
)


def kernel(*judged: ModulesJudgement) -> KernelJudgement:
    """Return a kernel of debian-13 with some judgements."""
    return KernelJudgement(
        release="debian-13",
        channel="current",
        architecture=Architecture.AMD64,
        current="6.12.118-cloud-amd64",
        kernel="7.4.1-cloud-amd64",
        linux="7.4.1",
        package="7.4.1-1",
        suite="trixie-backports",
        builder="debian-13",
        arrival=Arrival(days=None, words="unknown"),
        modules=judged,
    )


def result(*judged: ModulesJudgement, warnings: tuple[str, ...] = (WARNING,)) -> RadarResult:
    """Return a result of one kernel; without judgements it has one of each verdict."""
    at = datetime(2026, 11, 29, 2, 17, tzinfo=UTC)
    return RadarResult(at=at, kernels=(kernel(*(judged or EACH)),), warnings=warnings)
