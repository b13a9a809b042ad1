"""Images that are in the registry, but are held back until the second builder has made the same."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from lifecycle.app.session import Session
from lifecycle.attest.agreement import Agreement, open_agreement
from lifecycle.config.component import Image
from lifecycle.errors import InstallerError
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import moving_tags
from lifecycle.publish.published import PublishedImage, open_registry
from lifecycle.publish.push import move_tags_to
from lifecycle.tools.registry.client import Registry


class HeldBackError(InstallerError):
    """Images that the second builder has not made yet."""

    def __init__(self, builder: str, references: Sequence[str]) -> None:
        super().__init__(
            f"some images are held back, because {builder} has not reproduced them",
            details="\n".join(f"  {reference}" for reference in references),
            resolution="Run `invoke reproduce REFERENCE --sign` there for each, then this command again.",
        )


@dataclass(frozen=True, kw_only=True)
class Hold:
    """The hold of a second builder on the published images of a session's registry."""

    session: Session
    registry: Registry
    agreement: Agreement

    def waiting(self, images: Mapping[Combination, PublishedImage]) -> list[Combination]:
        """Return the combinations whose images the second builder has not made yet."""
        return [c for c, image in images.items() if self._is_held(image)]

    def unmoved(self, images: Mapping[Combination, PublishedImage]) -> list[Combination]:
        """Return the combinations whose images are not named by all of their moving tags."""
        return [c for c, image in images.items() if any(self._digest(tag) != image.digest for tag in self._tags(c))]

    def require(self, images: Mapping[Combination, PublishedImage]) -> None:
        """Raise HeldBackError if the second builder has not made some images."""
        if held := self.waiting(images):
            raise HeldBackError(self.agreement.builder, [images[c].reference for c in held])

    def move_tags(self, images: Mapping[Combination, PublishedImage]) -> None:
        """Let the moving tags name images that are not held back any more."""
        for combination, image in images.items():
            move_tags_to(self.registry, self._image, image.digest, self._tags(combination), self.session.progress.say)

    @property
    def _image(self) -> Image:
        return self.session.project.component.image

    def _is_held(self, image: PublishedImage) -> bool:
        found = self.registry.image(self._image.repository, image.digest)
        return found is None or self.agreement.holds_back(found)

    def _tags(self, combination: Combination) -> tuple[str, ...]:
        return moving_tags(combination, self.session.locked_project.matrix.combinations)

    def _digest(self, tag: str) -> str | None:
        manifest = self.registry.manifest(self._image.repository, tag)
        return manifest.digest if manifest else None


@contextmanager
def open_hold(session: Session) -> Iterator[Hold | None]:
    """Yield the hold on the images, or None without a second builder. Raises PemError; its methods raise RegistryRefusedError."""
    with closing(open_registry(session.project.component.image, session.environ)) as registry:
        agreement = open_agreement(session, registry)
        yield Hold(session=session, registry=registry, agreement=agreement) if agreement else None


def require_agreement(session: Session, images: Mapping[Combination, PublishedImage]) -> None:
    """Raise HeldBackError if the second builder has not made some published images."""
    with open_hold(session) as hold:
        if hold:
            hold.require(images)


def held_images(session: Session, images: Mapping[Combination, PublishedImage]) -> list[Combination]:
    """Return the combinations whose images wait for the second builder, or for their moving tags after it has agreed."""
    with open_hold(session) as hold:
        waiting = {*hold.waiting(images), *hold.unmoved(images)} if hold else set()
    return [combination for combination in images if combination in waiting]


def move_tags(session: Session, images: Mapping[Combination, PublishedImage]) -> None:
    """Let the moving tags name published images, if there is a second builder. Raises HeldBackError."""
    with open_hold(session) as hold:
        if hold:
            hold.require(images)
            hold.move_tags(images)
