"""The facts about the targets of a fleet: each image is looked up once, however many groups need it."""

from collections.abc import Mapping, Sequence

from lifecycle.advisories.assess import Finding
from lifecycle.app.optional import answer_or_warning
from lifecycle.app.session import Session
from lifecycle.cache.results import archive_of
from lifecycle.errors import InstallerError, UsageError
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from lifecycle.publish.published import PublishedImage, published_images
from lifecycle.rehearsal.assess import Evidence, ImageState
from lifecycle.rehearsal.gpu_table import read_gpu_table


def gather_evidence(session: Session, combinations: Sequence[Combination], *, offline: bool) -> Evidence:
    """Return the facts about combinations. A server that does not answer causes a warning, and unknown answers.

    With `offline` no server is asked: neither the registry nor a place of bulletins. Raises PemError, and what a mistake in
    component.yaml raises.
    """
    targets = Targets(session.locked_project)
    local = answer_or_warning(session.progress, lambda: session.state().images)
    labels = {image.id: image.labels for image in (local or {}).values()}
    published: Mapping[Combination, PublishedImage | None] | None = None
    if not offline and combinations:
        published = answer_or_warning(
            session.progress,
            lambda: published_images(session.locked_project, combinations, session.environ, labels),
        )
    images = {}
    for combination in combinations:
        inputs = targets.image(combination).digest
        found = published.get(combination) if published else None
        images[combination] = ImageState(
            inputs=inputs,
            built=None if local is None else inputs in local,
            pushed=None if published is None else found is not None,
            digest=found.digest if found else "",
            problems=_signature_problems(session, found) if found else None,
        )
    return Evidence(
        table=read_gpu_table(session.root),
        images=images,
        lists={combination: _listed(session, targets, combination) for combination in combinations},
        findings=_findings(session, offline=offline),
    )


def _signature_problems(session: Session, image: PublishedImage) -> tuple[str, ...] | None:
    """Return the problems of an image's signature and statements; None without `attest`, or if they cannot be read."""
    if session.project.component.attest is None:
        return None
    from lifecycle.attest.command import declared_keys, verify_published

    keys = declared_keys(session)
    try:
        return verify_published(session, image.reference, keys).problems
    except UsageError:
        raise
    except InstallerError as error:
        session.progress.warn(str(error))
        return None


def _listed(session: Session, targets: Targets, combination: Combination) -> Mapping[str, str]:
    """Return the driver's own list of GPUs, which its user space in the cache has; none without that."""
    target = targets.userspace(combination)
    result = session.cache.result(target.kind, target.digest)
    lines = archive_of(result).supported_gpus if result else []
    return dict(line.split()[:2] for line in lines)


def _findings(session: Session, *, offline: bool) -> tuple[Finding, ...] | None:
    if offline or session.project.component.advisories is None:
        return None
    from lifecycle.advisories.command import assess_drivers

    assessment = answer_or_warning(session.progress, lambda: assess_drivers(session))
    return assessment.findings if assessment else None
