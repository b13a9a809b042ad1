"""What `invoke push` shows, does, and writes down."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.errors import InstallerError
from lifecycle.planning.matrix import Combination
from lifecycle.planning.selector import select
from lifecycle.planning.targets import Targets
from lifecycle.publish.push import REFUSED, Candidate, PushDecision, Pushed, Pusher, PushRefusedError, verdict_of
from lifecycle.tools.registry.login import login_for
from lifecycle.tools.registry.registry import Registry

PUBLISHED = "build/published.json"


class NotBuiltError(InstallerError):
    """Combinations that have no image."""

    def __init__(self, combinations: Sequence[Combination]) -> None:
        listed = "\n".join(f"  {combination.id}" for combination in combinations)
        super().__init__("not all of them are built", details=listed, resolution="Run `invoke build`.")


def show_push(session: Session, only: str, *, untested: bool, dry_run: bool, as_json: bool) -> None:
    """Push the chosen combinations' images, or with `dry_run` say what would be pushed; prints and writes what is there then.

    Raises NotBuiltError, PushRefusedError before anything is pushed, PushFailedError, RegistryRefusedError.
    """
    combinations = select(session.locked_project.matrix, only)
    if dry_run:
        with _pusher(session) as pusher:
            _print_plan(_judged(session, pusher, combinations, untested=untested), as_json=as_json)
        return
    published = push_images(session, combinations, untested=untested)
    _write(session, published)
    output.print_json([asdict(entry) for entry in published]) if as_json else _print(published)


def push_images(session: Session, combinations: Sequence[Combination], *, untested: bool = False) -> list[Pushed]:
    """Push combinations' images; raises what `show_push` raises."""
    with _pusher(session) as pusher:
        verdicts = _judged(session, pusher, combinations, untested=untested)
        refused = [pair for pair in verdicts if pair[1] in REFUSED]
        if refused:
            raise PushRefusedError(refused)
        others = session.locked_project.matrix.combinations
        return [pusher.publish(candidate, verdict, others) for candidate, verdict in verdicts]


@contextmanager
def _pusher(session: Session) -> Iterator[Pusher]:
    image = session.project.component.image
    login = login_for(image.registry, session.environ)
    with closing(Registry(image.registry, login)) as registry:
        yield Pusher(engine=session.engine, registry=registry, login=login, image=image, say=session.progress.say)


def _judged(
    session: Session, pusher: Pusher, combinations: Sequence[Combination], *, untested: bool
) -> list[tuple[Candidate, PushDecision]]:
    """What is to become of each image, with a warning for each that is pushed untested."""
    candidates = _candidates(session, pusher, combinations)
    verdicts = [(candidate, verdict_of(candidate, untested=untested)) for candidate in candidates]
    for candidate, verdict in verdicts:
        if verdict is PushDecision.PUSH and not candidate.known:
            session.progress.warn(f"{candidate.combination.id} is pushed although its tests have not passed")
    return verdicts


def _candidates(session: Session, pusher: Pusher, combinations: Sequence[Combination]) -> list[Candidate]:
    targets, images = Targets(session.locked_project), session.state().images
    by_digest = {c: images.get(targets.image(c).digest) for c in combinations}
    missing = [combination for combination, image in by_digest.items() if image is None]
    if missing:
        raise NotBuiltError(missing)
    return [
        pusher.candidate(combination, image, tested=session.cache.is_tested(image.id))
        for combination, image in by_digest.items()
        if image is not None
    ]


def _write(session: Session, published: Sequence[Pushed]) -> None:
    path = session.root / PUBLISHED
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps([asdict(entry) for entry in published], indent=2) + "\n")
    part.replace(path)


def _print_plan(verdicts: Sequence[tuple[Candidate, PushDecision]], *, as_json: bool) -> None:
    def action(verdict: PushDecision) -> str:
        return "REFUSE" if verdict in REFUSED else "RUN" if verdict is PushDecision.PUSH else "SKIP"

    rows = [(action(verdict), candidate.combination.id, str(verdict)) for candidate, verdict in verdicts]
    if as_json:
        output.print_json([{"action": row[0], "combination": row[1], "reason": row[2]} for row in rows])
        return
    output.print_table("push", ["", "combination", "reason"], rows)


def _print(published: Sequence[Pushed]) -> None:
    rows = [(e.combination, e.digest, f"{e.size / 1e6:.0f} MB", e.verdict) for e in published]
    output.print_table("published", ["combination", "digest", "size", "was"], rows)
