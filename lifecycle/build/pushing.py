"""What `invoke push` shows, does, and writes down."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict

from lifecycle.build import tables
from lifecycle.build.workbench import Workbench
from lifecycle.errors import InstallerError
from lifecycle.model.matrix import Combination
from lifecycle.model.selector import select
from lifecycle.model.targets import Targets
from lifecycle.steps.push import REFUSED, Candidate, Pushed, Pusher, PushRefusedError, Verdict, verdict_of
from lifecycle.tools.login import login_for
from lifecycle.tools.registry import Registry

PUBLISHED = "build/published.json"


class NotBuiltError(InstallerError):
    """Combinations that have no image."""

    def __init__(self, combinations: Sequence[Combination]) -> None:
        listed = "\n".join(f"  {combination.id}" for combination in combinations)
        super().__init__("not all of them are built", details=listed, resolution="Run `invoke build`.")


def show_push(bench: Workbench, only: str, *, untested: bool, dry_run: bool, as_json: bool) -> None:
    """Push the chosen combinations' images, or with `dry_run` say what would be pushed; prints and writes what is there then.

    Raises NotBuiltError, PushRefusedError before anything is pushed, PushFailedError, RegistryRefusedError.
    """
    combinations = select(bench.answered().matrix(), only)
    if dry_run:
        with _pusher(bench) as pusher:
            _print_plan(_judged(bench, pusher, combinations, untested=untested), as_json=as_json)
        return
    published = push_images(bench, combinations, untested=untested)
    _write(bench, published)
    tables.print_json([asdict(entry) for entry in published]) if as_json else _print(published)


def push_images(bench: Workbench, combinations: Sequence[Combination], *, untested: bool = False) -> list[Pushed]:
    """Push combinations' images; raises what `show_push` raises."""
    with _pusher(bench) as pusher:
        verdicts = _judged(bench, pusher, combinations, untested=untested)
        refused = [pair for pair in verdicts if pair[1] in REFUSED]
        if refused:
            raise PushRefusedError(refused)
        others = bench.project.matrix().combinations
        return [pusher.publish(candidate, verdict, others) for candidate, verdict in verdicts]


@contextmanager
def _pusher(bench: Workbench) -> Iterator[Pusher]:
    image = bench.project.component.image
    login = login_for(image.registry, bench.environ)
    with closing(Registry(image.registry, login)) as registry:
        yield Pusher(engine=bench.engine, registry=registry, login=login, image=image, say=bench.progress.say)


def _judged(
    bench: Workbench, pusher: Pusher, combinations: Sequence[Combination], *, untested: bool
) -> list[tuple[Candidate, Verdict]]:
    """What is to become of each image, with a warning for each that is pushed untested."""
    candidates = _candidates(bench, pusher, combinations)
    verdicts = [(candidate, verdict_of(candidate, untested=untested)) for candidate in candidates]
    for candidate, verdict in verdicts:
        if verdict is Verdict.PUSH and not candidate.known:
            bench.progress.warn(f"{candidate.combination.id} is pushed although its tests have not passed")
    return verdicts


def _candidates(bench: Workbench, pusher: Pusher, combinations: Sequence[Combination]) -> list[Candidate]:
    targets, images = Targets(bench.project), bench.state().images
    by_digest = {c: images.get(targets.image(c).digest) for c in combinations}
    missing = [combination for combination, image in by_digest.items() if image is None]
    if missing:
        raise NotBuiltError(missing)
    return [
        pusher.candidate(combination, image, tested=bench.store.is_tested(image.id))
        for combination, image in by_digest.items()
        if image is not None
    ]


def _write(bench: Workbench, published: Sequence[Pushed]) -> None:
    path = bench.root / PUBLISHED
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps([asdict(entry) for entry in published], indent=2) + "\n")
    part.replace(path)


def _print_plan(verdicts: Sequence[tuple[Candidate, Verdict]], *, as_json: bool) -> None:
    def action(verdict: Verdict) -> str:
        return "REFUSE" if verdict in REFUSED else "RUN" if verdict is Verdict.PUSH else "SKIP"

    rows = [(action(verdict), candidate.combination.id, str(verdict)) for candidate, verdict in verdicts]
    if as_json:
        tables.print_json([{"action": row[0], "combination": row[1], "reason": row[2]} for row in rows])
        return
    tables.print_table("push", ["", "combination", "reason"], rows)


def _print(published: Sequence[Pushed]) -> None:
    rows = [(e.combination, e.digest, f"{e.size / 1e6:.0f} MB", e.verdict) for e in published]
    tables.print_table("published", ["combination", "digest", "size", "was"], rows)
