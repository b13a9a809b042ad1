"""`invoke promote`: a release to its next channel; a canary only with the evidence that component.yaml's policy asks for."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.config.component import Channel
from lifecycle.config.policy import Promotion
from lifecycle.errors import InstallerError
from lifecycle.promotion.evidence import CanaryEvidence, gather_canary_evidence, has_radar
from lifecycle.versions import edits
from lifecycle.versions.apply_edit import show_edit, today

_BLOCKED = "blocked"
_SHOWN = 3


class NotProvenError(InstallerError):
    """A canary without the evidence that the policy asks for."""

    def __init__(self, release: str, missing: Sequence[str]) -> None:
        more = f"; and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        super().__init__(
            f"{release} stays a canary, because of policy.promotion in component.yaml: {'; '.join(missing[:_SHOWN])}{more}",
            resolution="Provide it (docs/how-to/new-garden-linux-version.md), or run the command with --force.",
        )


@dataclass(frozen=True, kw_only=True)
class PromotionRequest:
    """The options of a promotion. `force` promotes a canary without the evidence."""

    release: str
    dry_run: bool = False
    force: bool = False


# ----- pure


def missing_evidence(evidence: Sequence[CanaryEvidence], policy: Promotion) -> list[str]:
    """Return what the policy asks for and a release lacks: a text for each combination. A release of no image lacks all."""
    if not evidence:
        return ["it has no image"]
    lacking = ((entry.combination, list(_lacking(entry, policy))) for entry in evidence)
    return [f"{combination} {', '.join(texts)}" for combination, texts in lacking if texts]


def _lacking(entry: CanaryEvidence, policy: Promotion) -> Iterator[str]:
    if policy.built and not entry.built:
        yield "is not built" if entry.built is False else "may not be built: no engine answers"
    if policy.tested and not entry.tested:
        yield "is not tested"
    if policy.booted and not entry.booted:
        yield "is not booted"
    if policy.pushed and not entry.pushed:
        yield "is not pushed" if entry.pushed is False else "may not be pushed: the registry does not answer"
    if policy.rehearsed and entry.rehearsed in ("", _BLOCKED):
        yield "was blocked in its rehearsal" if entry.rehearsed else "is not rehearsed"
    if policy.days and (entry.days or 0) < policy.days:
        known = "never booted" if entry.days is None else f"first booted {output.plural(entry.days, 'day')} ago"
        yield f"has a kernel that {known}, and {policy.days} are asked for"


# ----- effects


def show_promotion(session: Session, request: PromotionRequest, *, as_json: bool) -> None:
    """Print the evidence about a canary, and move a release to its next channel. Only the evidence of a canary is asked for.

    Raises NotProvenError after the evidence, unless `force` is set; and what `edits.promote` and `show_edit` raise.
    """
    evidence, missing = _examine(session, request.release)
    extra = {"evidence": [asdict(entry) for entry in evidence], "missing": missing, "forced": False}
    if not as_json and evidence:
        _print(evidence)
    if missing and not request.force:
        if as_json:
            output.print_json({"dry_run": request.dry_run, "done": [], **extra})
        raise NotProvenError(request.release, missing)
    if missing:
        session.progress.warn(f"{request.release} is promoted by --force, although {'; '.join(missing)}")
    edit = partial(edits.promote, name=request.release, date=today())
    show_edit(session, edit, dry_run=request.dry_run, as_json=as_json, extra={**extra, "forced": bool(missing)})


def _examine(session: Session, name: str) -> tuple[list[CanaryEvidence], list[str]]:
    """Return the evidence about a release if it is a canary, and what it lacks."""
    component = session.project.component
    if not any(r.name == name and r.channel is Channel.CANARY for r in component.context.releases):
        return [], []
    combinations = [c for c in session.locked_project.matrix.combinations if c.release == name]
    evidence = gather_canary_evidence(session, combinations)
    return evidence, missing_evidence(evidence, component.policy.promotion)


def _print(evidence: Sequence[CanaryEvidence]) -> None:
    radar = has_radar(evidence)
    columns = ["combination", "built", "tested", "booted", "pushed", "rehearsed", *(["radar"] if radar else []), "days"]
    rows = [
        (
            entry.combination,
            *(_word(value=value) for value in (entry.built, entry.tested, entry.booted, entry.pushed)),
            entry.rehearsed or "–",
            *([entry.radar or "–"] if radar else []),
            "–" if entry.days is None else str(entry.days),
        )
        for entry in evidence
    ]
    output.print_table("evidence", columns, rows)


def _word(*, value: bool | None) -> str:
    return "unknown" if value is None else "yes" if value else "–"
