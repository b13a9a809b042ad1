"""`invoke release`: see what there is, print what is still to do, do it, and see again that nothing is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.config.validation import read_text
from lifecycle.errors import InstallerError, UsageError
from lifecycle.gitops.bump_values import bump
from lifecycle.gitops.propose import say_next, submit
from lifecycle.planning.project import COMPONENT
from lifecycle.publish.push_command import push_images
from lifecycle.release.changelog import entry_of
from lifecycle.release.release_plan import (
    Planned,
    ReleaseBlockedError,
    Step,
    checked_version,
    plan,
    problems,
    tag_name,
)
from lifecycle.release.release_state import BRANCH, CHANGELOG, ReleaseContext, look
from lifecycle.tools.checkout import Checkout
from lifecycle.versions.apply_edit import today


class UnknownComponentError(UsageError):
    """A component that this checkout does not hold."""

    def __init__(self, component: str, known: str) -> None:
        super().__init__(f"--component {component!r}: this checkout holds {known}")


class NoVersionError(UsageError):
    """A release without a version, where the declared one is released."""

    def __init__(self, declared: str) -> None:
        super().__init__(f"{declared}, which component.yaml declares, is released: name a newer --version")


class NotDoneError(InstallerError):
    """Steps that were done and are still to do."""

    def __init__(self, steps: Sequence[Planned]) -> None:
        listed = "\n".join(f"  {planned.step}: {planned.reason}" for planned in steps)
        super().__init__("the release is not whole", details=listed, resolution="Run the command again.")


def show_release(
    session: Session,
    *,
    component: str,
    version: str,
    dry_run: bool,
    as_json: bool,
    after: Callable[[Step], None] = lambda _: None,
) -> None:
    """Release a version, or with `dry_run` print the plan; `after` is told of each step that was done.

    Raises ReleaseBlockedError, UnknownComponentError, BadVersionError, NoVersionError before anything is done, and what the
    steps raise; the same command goes on from there.
    """
    scene = scene_of(session, component, version)
    world = look(scene)
    found = problems(world, scene.version)
    if found:
        raise ReleaseBlockedError(scene.version, found)
    steps = plan(world, scene.version)
    _print(scene, steps, as_json=as_json)
    if dry_run:
        return
    for planned in steps:
        if planned.run:
            session.progress.say(f"{planned.step}: {planned.reason}")
            _DOING[planned.step](scene)
            after(planned.step)
    left = [planned for planned in plan(look(scene), scene.version) if planned.run and not _repeats(planned)]
    if left:
        raise NotDoneError(left)
    session.progress.say(f"{scene.version} is released: {scene.notes_file.relative_to(session.root)}")


def scene_of(session: Session, component: str, version: str) -> ReleaseContext:
    """Which release is meant; raises UnknownComponentError, BadVersionError, NoVersionError."""
    declared = session.project.component
    if component not in ("", declared.name, declared.short_name):
        raise UnknownComponentError(component, declared.name)
    checkout = Checkout(session.root)
    return ReleaseContext(
        session, checkout, checked_version(version) if version else _next(checkout, declared.version), today()
    )


def _next(checkout: Checkout, declared: str) -> str:
    """The declared version, if it is not released, or is so of the very commit that is checked out."""
    tag = tag_name(declared)
    if tag in checkout.tags() and checkout.commit(f"refs/tags/{tag}") != checkout.commit():
        raise NoVersionError(declared)
    return declared


def _repeats(planned: Planned) -> bool:
    """Whether a step is one that is done each time, to make sure of a pull request."""
    return planned.step is Step.GITOPS


def _title(scene: ReleaseContext) -> str:
    return f"{scene.session.project.component.short_name} {scene.version}"


def _commit(scene: ReleaseContext) -> None:
    for path, text in scene.texts().items():
        (scene.session.root / path).write_text(text, encoding="utf-8")
    scene.checkout.commit_files([COMPONENT, CHANGELOG], f"Release {_title(scene)}")


def _publish(scene: ReleaseContext) -> None:
    scene.checkout.push(f"HEAD:refs/heads/{BRANCH}")


def _tag(scene: ReleaseContext) -> None:
    entry = entry_of(read_text(scene.session.root / CHANGELOG), scene.version)
    scene.checkout.tag(tag_name(scene.version), f"{_title(scene)}\n\n{entry}\n")


def _push_tag(scene: ReleaseContext) -> None:
    scene.checkout.push(f"refs/tags/{tag_name(scene.version)}")


def _push_images(scene: ReleaseContext) -> None:
    push_images(scene.released_session, [combination for combination, image in scene.images().items() if image is None])


def _write_notes(scene: ReleaseContext) -> None:
    notes = scene.notes(scene.images(), tuple(scene.checkout.tags()))
    scene.notes_file.parent.mkdir(parents=True, exist_ok=True)
    scene.notes_file.write_text(notes, encoding="utf-8")


def _bump(scene: ReleaseContext) -> None:
    change = bump(scene.released_session)
    say_next(scene.released_session, change, submit(scene.released_session, change, dry_run=False))


_DOING: Mapping[Step, Callable[[ReleaseContext], None]] = {
    Step.COMMIT: _commit,
    Step.PUBLISH: _publish,
    Step.TAG: _tag,
    Step.PUSH_TAG: _push_tag,
    Step.IMAGES: _push_images,
    Step.NOTES: _write_notes,
    Step.GITOPS: _bump,
}


def _print(scene: ReleaseContext, steps: Sequence[Planned], *, as_json: bool) -> None:
    if as_json:
        rows = [asdict(planned) for planned in steps]
        output.print_json({"version": scene.version, "steps": rows})
        return
    plain = [("RUN" if planned.run else "SKIP", str(planned.step), planned.reason) for planned in steps]
    output.print_table(f"{scene.session.project.component.name} {scene.version}", ["", "step", "why"], plain)
