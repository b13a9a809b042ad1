"""`invoke release`: read the state, print the plan, run the missing steps, and check that none is left."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.attest.command import open_attester
from lifecycle.config.validation import read_text
from lifecycle.errors import InstallerError, UsageError
from lifecycle.gitops.bump_values import bump
from lifecycle.gitops.propose import print_next_step, submit
from lifecycle.planning.project import COMPONENT
from lifecycle.publish.hold import move_tags
from lifecycle.publish.published import open_registry
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
from lifecycle.release.release_state import BRANCH, CHANGELOG, ReleaseContext, read_state
from lifecycle.tools.checkout import Checkout
from lifecycle.versions.apply_edit import today


class UnknownComponentError(UsageError):
    """A component that this checkout does not have."""

    def __init__(self, component: str, known: str) -> None:
        super().__init__(f"--component {component!r}: this checkout has {known}")


class NoVersionError(UsageError):
    """A release without --version, although the declared version is released."""

    def __init__(self, declared: str) -> None:
        super().__init__(f"{declared}, the version in component.yaml, is released already: name a newer --version")


class NotDoneError(InstallerError):
    """Steps that ran but are still missing."""

    def __init__(self, steps: Sequence[Planned]) -> None:
        listed = "\n".join(f"  {planned.step}: {planned.reason}" for planned in steps)
        super().__init__("the release is incomplete", details=listed, resolution="Run the command again.")


def show_release(
    session: Session,
    *,
    component: str,
    version: str,
    dry_run: bool,
    as_json: bool,
    after: Callable[[Step], None] = lambda _: None,
) -> None:
    """Release a version, or print the plan if `dry_run`; `after` is called with each step that was done.

    Raises ReleaseBlockedError, UnknownComponentError, BadVersionError, NoVersionError before anything is done, and what the
    steps raise. After an interruption, the same command continues with the missing steps.
    """
    context = release_context(session, component, version)
    state = read_state(context)
    found = problems(state, context.version)
    if found:
        raise ReleaseBlockedError(context.version, found)
    steps = plan(state, context.version)
    _print(context, steps, as_json=as_json)
    if dry_run:
        return
    for planned in steps:
        if planned.run:
            session.progress.say(f"{planned.step}: {planned.reason}")
            _DOING[planned.step](context)
            after(planned.step)
    left = [planned for planned in plan(read_state(context), context.version) if planned.run and not _repeats(planned)]
    if left:
        raise NotDoneError(left)
    session.progress.say(f"{context.version} is released: {context.notes_file.relative_to(session.root)}")


def release_context(session: Session, component: str, version: str) -> ReleaseContext:
    """Return the context of the requested release. Raises UnknownComponentError, BadVersionError, NoVersionError."""
    declared = session.project.component
    if component not in ("", declared.name, declared.short_name):
        raise UnknownComponentError(component, declared.name)
    checkout = Checkout(session.root)
    return ReleaseContext(
        session, checkout, checked_version(version) if version else _next(checkout, declared.version), today()
    )


def _next(checkout: Checkout, declared: str) -> str:
    """Return the declared version, unless it was released from another commit than HEAD. Raises NoVersionError."""
    tag = tag_name(declared)
    if tag in checkout.tags() and checkout.commit(f"refs/tags/{tag}") != checkout.commit():
        raise NoVersionError(declared)
    return declared


def _repeats(planned: Planned) -> bool:
    """Return whether a step runs each time: GitOps, to make sure of the pull request."""
    return planned.step is Step.GITOPS


def _title(context: ReleaseContext) -> str:
    return f"{context.session.project.component.short_name} {context.version}"


def _commit(context: ReleaseContext) -> None:
    for path, text in context.texts().items():
        (context.session.root / path).write_text(text, encoding="utf-8")
    context.checkout.commit_files([COMPONENT, CHANGELOG], f"Release {_title(context)}")


def _publish(context: ReleaseContext) -> None:
    context.checkout.push(f"HEAD:refs/heads/{BRANCH}")


def _tag(context: ReleaseContext) -> None:
    entry = entry_of(read_text(context.session.root / CHANGELOG), context.version)
    context.checkout.tag(tag_name(context.version), f"{_title(context)}\n\n{entry}\n")


def _push_tag(context: ReleaseContext) -> None:
    context.checkout.push(f"refs/tags/{tag_name(context.version)}")


def _push_images(context: ReleaseContext) -> None:
    """Push the images that the registry lacks. Raises HeldBackError until the second builder has reproduced all."""
    session = context.released_session
    push_images(session, [combination for combination, image in context.images().items() if image is None])
    move_tags(session, {c: image for c, image in context.images().items() if image})


def _push_chart(context: ReleaseContext) -> None:
    session, image = context.session, context.session.project.component.image
    with closing(open_registry(image, session.environ)) as registry:
        attester = open_attester(session, registry, context.chart.repository)
        # The step counts as done when the tag is there, so the signature comes before it.
        if attester:
            attester.attest(context.chart.artefact.manifest.descriptor, [])
        registry.put_artefact(context.chart.repository, context.chart.version, context.chart.artefact)
    session.progress.say(f"pushed oci://{image.registry}/{context.chart.repository}:{context.version}")


def _write_notes(context: ReleaseContext) -> None:
    notes = context.notes(context.images(), tuple(context.checkout.tags()))
    context.notes_file.parent.mkdir(parents=True, exist_ok=True)
    context.notes_file.write_text(notes, encoding="utf-8")


def _publish_page(context: ReleaseContext) -> None:
    images = context.images()
    notes = context.notes(images, tuple(context.checkout.tags()))
    context.page.publish(notes, [image for image in images.values() if image])


def _bump(context: ReleaseContext) -> None:
    session = context.released_session
    with bump(session) as change:
        print_next_step(session, change, submit(session, change, dry_run=False))


_DOING: Mapping[Step, Callable[[ReleaseContext], None]] = {
    Step.COMMIT: _commit,
    Step.PUBLISH: _publish,
    Step.TAG: _tag,
    Step.PUSH_TAG: _push_tag,
    Step.IMAGES: _push_images,
    Step.CHART: _push_chart,
    Step.NOTES: _write_notes,
    Step.FORGE: _publish_page,
    Step.GITOPS: _bump,
}


def _print(context: ReleaseContext, steps: Sequence[Planned], *, as_json: bool) -> None:
    if as_json:
        rows = [asdict(planned) for planned in steps]
        output.print_json({"version": context.version, "steps": rows})
        return
    plain = [("RUN" if planned.run else "SKIP", str(planned.step), planned.reason) for planned in steps]
    title = f"{context.session.project.component.name} {context.version}"
    output.print_table(title, ["", "step", "why"], plain, in_summary=True)
