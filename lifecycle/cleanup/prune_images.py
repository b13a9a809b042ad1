"""`invoke prune`: remove retired and superseded installer images."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.cleanup.image_plan import (
    InstallerImage,
    OwnedImages,
    Place,
    delete_from_registry,
    plan_engine,
    plan_registry,
    remove_from_engine,
    tagged_images,
)
from lifecycle.cleanup.retention import Decision
from lifecycle.gitops.repository import find_gitops_references
from lifecycle.pipeline.build_state import local_name
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.targets import Targets
from lifecycle.publish.published import open_registry
from lifecycle.tools.labels import LABEL_COMPONENT


def show_prune(session: Session, *, registry: bool, dry_run: bool, as_json: bool) -> None:
    """Remove images that are not needed from the engine and, with `registry`, from the registry, and print the outcome.

    Images that the GitOps repository names stay in the registry. With `dry_run` nothing is removed. Raises RegistryRefusedError,
    DeletionDisabledError, GitRefusedError, and the engine's errors.
    """
    with session.exclusive(dry_run=dry_run):
        needed = current_images(session.locked_project)
        # The registry first: it is the one that may refuse.
        there = _prune_registry(session, needed, dry_run=dry_run) if registry else []
        here, freed = _prune_engine(session, needed, dry_run=dry_run)
    if as_json:
        output.print_json({"dry_run": dry_run, "freed": freed, "images": [_plain(one) for one in [*here, *there]]})
        return
    _print([*here, *there], freed, dry_run=dry_run)


def current_images(project: LockedProject) -> OwnedImages:
    """Return the images that a project's matrix needs."""
    targets, combinations = Targets(project), project.matrix.combinations
    return OwnedImages(
        component=project.component.name,
        name=local_name(project.component.image),
        combinations={c.id for c in combinations},
        inputs={targets.image(c).digest for c in combinations},
    )


def _prune_registry(session: Session, needed: OwnedImages, *, dry_run: bool) -> list[Decision[InstallerImage]]:
    image = session.project.component.image
    with closing(open_registry(image, session.environ)) as registry:
        images = tagged_images(registry, image.repository)
        retired = plan_registry(images, needed, in_use=())
        plan = plan_registry(
            images,
            needed,
            in_use=find_gitops_references(session, [w for one in retired for w in (one.item.image, *one.item.tags)]),
        )
        if not dry_run:
            delete_from_registry(registry, image.repository, plan)
        return plan


def _prune_engine(
    session: Session, needed: OwnedImages, *, dry_run: bool
) -> tuple[list[Decision[InstallerImage]], int]:
    """Remove images as planned. Return the plan's outcome and the freed bytes."""
    engine = session.engine
    images = engine.images(f"{LABEL_COMPONENT}={needed.component}")
    plan = plan_engine(images, needed, used=engine.images_in_use())
    if dry_run or not plan:
        return plan, 0
    before = engine.stored_bytes()
    done = remove_from_engine(engine, plan)
    # Others may have used the engine meanwhile, so that it has more.
    return done, max(0, before - engine.stored_bytes())


def _plain(decision: Decision[InstallerImage]) -> dict[str, object]:
    """Return a decision as plain data. docs/reference/tasks.md documents the keys."""
    return {**asdict(decision.item), "reason": decision.reason, "kept": decision.kept}


def _print(images: Sequence[Decision[InstallerImage]], freed: int, *, dry_run: bool) -> None:
    gone = "WOULD GO" if dry_run else "removed"
    rows = [
        (
            "stays" if one.kept else gone,
            str(one.item.place),
            one.item.combination,
            one.item.image[:19],
            f"{one.item.size / 1e6:.0f} MB",
            f"{one.reason}, but {one.kept}" if one.kept else str(one.reason),
        )
        for one in images
    ]
    if not rows:
        output.print_lines(["there is nothing to remove"])
        return
    output.print_table("prune", ["", "where", "combination", "image", "size", "reason"], rows)
    gone_from = {one.item.place for one in images if not one.kept and not dry_run}
    if Place.ENGINE in gone_from:
        output.print_lines([f"{freed / 1e6:.0f} MB freed in the engine"])
    if Place.REGISTRY in gone_from:
        output.print_lines(["the registry frees what it does not need any more when it collects its garbage"])
