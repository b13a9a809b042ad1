"""Images that are in the registry, but are held back until the second builder has made the same."""

from collections.abc import Mapping, Sequence
from contextlib import closing

from lifecycle.app.session import Session
from lifecycle.attest.agreement import Agreement, open_agreement
from lifecycle.errors import InstallerError
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import moving_tags
from lifecycle.publish.published import PublishedImage, open_registry
from lifecycle.tools.registry.client import Registry


class HeldBackError(InstallerError):
    """Images that the second builder has not made yet."""

    def __init__(self, builder: str, references: Sequence[str]) -> None:
        super().__init__(
            f"some images are held back, because {builder} has not reproduced them",
            details="\n".join(f"  {reference}" for reference in references),
            resolution="Run `invoke reproduce REFERENCE --sign` there for each, then this command again.",
        )


def unreproduced_images(session: Session, images: Mapping[Combination, PublishedImage]) -> list[Combination]:
    """Return the combinations whose published images the second builder has not made yet. Raises PemError, RegistryRefusedError."""
    with closing(open_registry(session.project.component.image, session.environ)) as registry:
        agreement = open_agreement(session, registry)
        return [c for c, image in images.items() if agreement and _is_unreproduced(session, registry, agreement, image)]


def require_agreement(session: Session, images: Mapping[Combination, PublishedImage]) -> None:
    """Raise HeldBackError if the second builder has not made some published images."""
    attest, held = session.project.component.attest, unreproduced_images(session, images)
    if held and attest and attest.second_builder:
        raise HeldBackError(attest.second_builder.builder, [images[c].reference for c in held])


def held_images(session: Session, images: Mapping[Combination, PublishedImage]) -> list[Combination]:
    """Return the combinations whose images wait for the second builder, or for their moving tags after it has agreed.

    Raises PemError, RegistryRefusedError.
    """
    waiting = unreproduced_images(session, images)
    if not _has_second_builder(session):
        return waiting
    with closing(open_registry(session.project.component.image, session.environ)) as registry:
        repository = session.project.component.image.repository
        return [
            c
            for c, image in images.items()
            if c in waiting or any(_digest(registry, repository, tag) != image.digest for tag in _moving(session, c))
        ]


def move_tags(session: Session, images: Mapping[Combination, PublishedImage]) -> None:
    """Let the moving tags name published images, if there is a second builder. Raises HeldBackError, RegistryRefusedError."""
    require_agreement(session, images)
    if not _has_second_builder(session):
        return
    image = session.project.component.image
    with closing(open_registry(image, session.environ)) as registry:
        for combination, published in images.items():
            for tag in _moving(session, combination):
                if registry.retag(image.repository, published.digest, tag):
                    session.progress.say(f"moved {image.registry}/{image.repository}:{tag}")


def _has_second_builder(session: Session) -> bool:
    attest = session.project.component.attest
    return attest is not None and attest.second_builder is not None


def _moving(session: Session, combination: Combination) -> tuple[str, ...]:
    return tuple(moving_tags(combination, session.locked_project.matrix.combinations))


def _digest(registry: Registry, repository: str, tag: str) -> str | None:
    manifest = registry.manifest(repository, tag)
    return manifest.digest if manifest else None


def _is_unreproduced(session: Session, registry: Registry, agreement: Agreement, image: PublishedImage) -> bool:
    found = registry.image(session.project.component.image.repository, image.digest)
    return found is None or agreement.holds_back(found)
