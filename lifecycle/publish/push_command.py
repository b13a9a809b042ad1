"""The command `invoke push`: push images, print the result, write build/published.json."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace

from lifecycle.app import output
from lifecycle.app.next_step import selecting
from lifecycle.app.session import Session
from lifecycle.attest.agreement import open_agreement
from lifecycle.attest.command import attest_function
from lifecycle.errors import InstallerError
from lifecycle.planning.matrix import Combination
from lifecycle.planning.selector import select
from lifecycle.planning.targets import Targets
from lifecycle.publish.push import (
    REFUSED_DECISIONS,
    Candidate,
    PushDecision,
    PushedImage,
    Pusher,
    PushRefusedError,
    decide_push,
)
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.credentials import login_for

RESULT_FILE = "build/published.json"


class NotBuiltError(InstallerError):
    """Combinations without an image in the engine."""

    def __init__(self, combinations: Sequence[Combination]) -> None:
        listed = "\n".join(f"  {combination.id}" for combination in combinations)
        super().__init__(
            "some of the selected combinations have no image", details=listed, resolution="Run `invoke build`."
        )


def show_push(session: Session, only: str, *, untested: bool, dry_run: bool, as_json: bool) -> str | None:
    """Push the selected combinations' images, print the result and write it into build/published.json.

    With `dry_run`, print the decisions only. Return the next step; None means the same command without the dry run. Raises
    NotBuiltError or PushRefusedError before anything is pushed, and PushFailedError, RegistryRefusedError.
    """
    combinations = select(session.locked_project.matrix, only)
    if dry_run:
        with _pusher(session) as pusher:
            _print_plan(_decide_all(session, pusher, combinations, untested=untested), as_json=as_json)
        return None
    published = push_images(session, combinations, untested=untested)
    _write_result_file(session, published)
    output.print_json([asdict(entry) for entry in published]) if as_json else _print(published)
    held = [entry.reference for entry in published if entry.held]
    return (
        f"invoke reproduce {held[0]} --sign, on the second builder" if held else selecting("invoke bump-gitops", only)
    )


def push_images(session: Session, combinations: Sequence[Combination], *, untested: bool = False) -> list[PushedImage]:
    """Push the images of combinations and return them. Raises the errors of `show_push`."""
    with _pusher(session) as pusher:
        decisions = _decide_all(session, pusher, combinations, untested=untested)
        refused = [pair for pair in decisions if pair[1] in REFUSED_DECISIONS]
        if refused:
            raise PushRefusedError(refused)
        agreement = open_agreement(session, pusher.registry)
        signing = replace(pusher, attest=attest_function(session, pusher.registry))
        if agreement:
            signing = replace(signing, holds_back=agreement.holds_back)
        others = session.locked_project.matrix.combinations
        published = [signing.publish(candidate, decision, others) for candidate, decision in decisions]
        if agreement:
            _warn_of_held(session, agreement.builder, published)
        return published


def _warn_of_held(session: Session, builder: str, published: Sequence[PushedImage]) -> None:
    for image in published:
        if image.held:
            session.progress.warn(
                f"{image.combination} has no moving tag yet: run `invoke reproduce {image.reference} --sign` on {builder}, "
                "then `invoke push` again"
            )


@contextmanager
def _pusher(session: Session) -> Iterator[Pusher]:
    image = session.project.component.image
    login = login_for(image.registry, session.environ)
    with closing(Registry(image.registry, login)) as registry:
        yield Pusher(engine=session.engine, registry=registry, login=login, image=image, say=session.progress.say)


def _decide_all(
    session: Session, pusher: Pusher, combinations: Sequence[Combination], *, untested: bool
) -> list[tuple[Candidate, PushDecision]]:
    """Return the decision about each image. Warns of each one that is pushed untested."""
    candidates = _candidates(session, pusher, combinations)
    decisions = [(candidate, decide_push(candidate, untested=untested)) for candidate in candidates]
    for candidate, decision in decisions:
        if decision is PushDecision.PUSH and not candidate.tested:
            session.progress.warn(f"{candidate.combination.id} is pushed, although its tests have not passed")
    return decisions


def _candidates(session: Session, pusher: Pusher, combinations: Sequence[Combination]) -> list[Candidate]:
    targets, images = Targets(session.locked_project), session.state().images
    images_by_combination = {c: images.get(targets.image(c).digest) for c in combinations}
    missing = [combination for combination, image in images_by_combination.items() if image is None]
    if missing:
        raise NotBuiltError(missing)
    return [
        pusher.candidate(combination, image, tested=session.cache.is_tested(image.id))
        for combination, image in images_by_combination.items()
        if image is not None
    ]


def _write_result_file(session: Session, published: Sequence[PushedImage]) -> None:
    path = session.root / RESULT_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps([asdict(entry) for entry in published], indent=2) + "\n")
    partial.replace(path)


def _print_plan(decisions: Sequence[tuple[Candidate, PushDecision]], *, as_json: bool) -> None:
    def action(decision: PushDecision) -> str:
        return "REFUSE" if decision in REFUSED_DECISIONS else "RUN" if decision is PushDecision.PUSH else "SKIP"

    rows = [(action(decision), candidate.combination.id, str(decision)) for candidate, decision in decisions]
    if as_json:
        output.print_json([{"action": row[0], "combination": row[1], "reason": row[2]} for row in rows])
        return
    output.print_table("push", ["", "combination", "reason"], rows, in_summary=True)


def _print(published: Sequence[PushedImage]) -> None:
    rows = [
        (e.combination, e.digest, f"{e.size / 1e6:.0f} MB", f"{e.verdict}, held back" if e.held else e.verdict)
        for e in published
    ]
    output.print_table("published", ["combination", "digest", "size", "was"], rows, in_summary=True)
