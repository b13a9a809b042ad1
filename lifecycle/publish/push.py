"""Push of images to the registry, by digest. Images already in the registry are not pushed again.

A tested image gets its immutable tag (lifecycle/planning/tags.py), an untested one a tag that says so. The moving tags are then
set through the registry's API: that needs no engine and no local image.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.config.component import Image
from lifecycle.errors import InstallerError, UsageError
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import immutable_tag, moving_tags, untested_tag
from lifecycle.publish.published import PublishedImage
from lifecycle.tools.engine.engine import Engine, LocalImage
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.network.retries import RetryPolicy
from lifecycle.tools.registry.client import Registry, RemoteImage
from lifecycle.tools.registry.errors import hint_for, is_passing
from lifecycle.tools.registry.login import Login

ATTEMPTS = 4
_FIRST_PAUSE = 2.0  # seconds
# Words in errors of two pushes of one image at the same time, after which the same push may succeed: those of the engine, if the
# other push has just removed the tag, and of the registry, if it has not stored a layer yet.
_OVERTAKEN = ("tag does not exist", "not exist locally", "blob unknown to registry", "digest invalid")
# The engine omits the registry's explanation of this error.
_UNEXPLAINED_ERROR = "unexpected HTTP status: 500"


class PushDecision(StrEnum):
    """The decision about an image. The values are reasons in the output."""

    PUSH = "not there"
    SAME = "there"
    SAME_INPUTS = "there, made of the same inputs elsewhere"
    UNTESTED = "its tests have not passed"
    OTHER = "its immutable tag is another image's"


REFUSED_DECISIONS = (PushDecision.UNTESTED, PushDecision.OTHER)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An image to push: its combination, the image in the engine, and the image that its tag names in the registry.

    `tested` is true if the image passed its tests here, or has its immutable tag in the registry already.
    """

    combination: Combination
    image: LocalImage
    tested: bool
    remote: RemoteImage | None

    @property
    def inputs(self) -> str:
        """The digest of the image's inputs."""
        return self.image.labels.get(LABEL_DIGEST, "")

    @property
    def tag(self) -> str:
        """The immutable tag, or the tag of an untested image."""
        return (immutable_tag if self.tested else untested_tag)(self.combination, self.inputs)


@dataclass(frozen=True, kw_only=True)
class PushedImage(PublishedImage):
    """An image in the registry after a push: the moving tags that name it, and the decision that was taken.

    `held` images get no moving tags before the second builder has made the same.
    """

    moving: tuple[str, ...]
    verdict: str
    held: bool


class PushRefusedError(UsageError):
    """Images that must not be pushed, so that nothing was pushed."""

    def __init__(self, refused: Sequence[tuple[Candidate, PushDecision]]) -> None:
        lines = [f"  {candidate.combination.id}: {decision}" for candidate, decision in refused]
        hints = []
        if any(decision is PushDecision.UNTESTED for _, decision in refused):
            hints.append("Run `nox -s test_images`, or push with --untested.")
        if any(decision is PushDecision.OTHER for _, decision in refused):
            hints.append(
                "An immutable tag never moves: find out which image it names, and delete the tag if it is wrong."
            )
        super().__init__(
            "nothing was pushed: some images must not be pushed", details="\n".join(lines), resolution=" ".join(hints)
        )


class PushFailedError(InstallerError):
    """An image that the registry did not accept."""

    def __init__(self, reference: str, reason: str) -> None:
        again = "Run the command again: layers that the registry has are not sent again."
        super().__init__(
            f"{reference} could not be pushed",
            details=f"  {reason}",
            resolution=hint_for(reference.partition("/")[0], reason.lower()) or again,
        )


# ----- pure


def decide_push(candidate: Candidate, *, untested: bool) -> PushDecision:
    """Return the decision about an image. `untested` permits images without passed tests."""
    if not candidate.tested and not untested:
        return PushDecision.UNTESTED
    if candidate.remote is not None:
        if candidate.remote.id == candidate.image.id:
            return PushDecision.SAME
        if candidate.remote.labels.get(LABEL_DIGEST) == candidate.image.labels.get(LABEL_DIGEST):
            return PushDecision.SAME_INPUTS
        return PushDecision.OTHER
    return PushDecision.PUSH


def _is_transient(error: str) -> bool:
    """Return true if the same push may succeed after this error."""
    return is_passing(error) or any(words in error.lower() for words in _OVERTAKEN)


# ----- effects


def move_tags_to(
    registry: Registry, image: Image, digest: str, tags: Sequence[str], say: Callable[[str], None]
) -> None:
    """Let moving tags name a manifest, and `say` which of them moved. Raises RegistryRefusedError."""
    for tag in tags:
        if registry.retag(image.repository, digest, tag):
            say(f"moved {image.registry}/{image.repository}:{tag}")


@dataclass(frozen=True, kw_only=True)
class Pusher:
    """A client that pushes images.

    `wait` sleeps for a number of seconds before a retry; `say` reports progress. `attest` signs an image that is in the registry,
    and `holds_back` returns whether it may not get its moving tags yet.
    """

    engine: Engine
    registry: Registry
    login: Login | None
    image: Image
    say: Callable[[str], None]
    wait: Callable[[float], None] = time.sleep
    attest: Callable[[Combination, LocalImage, RemoteImage], None] = lambda combination, image, remote: None
    holds_back: Callable[[RemoteImage], bool] = lambda remote: False

    def candidate(self, combination: Combination, image: LocalImage, *, tested: bool) -> Candidate:
        """Return an image with its state in the registry. `tested`: its tests passed here. Raises RegistryRefusedError."""
        inputs = image.labels.get(LABEL_DIGEST, "")
        tested_remote = self._find_remote(immutable_tag(combination, inputs))
        tested = tested or tested_remote is not None
        remote = tested_remote if tested else self._find_remote(untested_tag(combination, inputs))
        return Candidate(combination=combination, image=image, tested=tested, remote=remote)

    def _find_remote(self, tag: str) -> RemoteImage | None:
        return self.registry.image(self.image.repository, tag)

    def publish(self, candidate: Candidate, decision: PushDecision, others: Sequence[Combination]) -> PushedImage:
        """Push an image if that was decided, and set its tags. Raises PushFailedError, RegistryRefusedError.

        Nodes pull moving tags, so an untested image gets none. `others` are all combinations: they decide which moving tags to set.
        """
        name, tag = f"{self.image.registry}/{self.image.repository}", candidate.tag
        if decision is PushDecision.PUSH:
            self._push(candidate.image, f"{name}:{tag}")
        found = self._find_remote(tag)
        if found is None:
            raise PushFailedError(f"{name}:{tag}", "the registry accepted it, but does not have it")
        # Before the moving tags, so that a node which checks signatures never meets an unsigned image.
        self.attest(candidate.combination, candidate.image, found)
        held = candidate.tested and self.holds_back(found)
        moving = moving_tags(candidate.combination, others) if candidate.tested and not held else ()
        move_tags_to(self.registry, self.image, found.digest, moving, self.say)
        return PushedImage(
            combination=candidate.combination.id,
            reference=f"{name}@{found.digest}",
            tag=tag,
            digest=found.digest,
            size=found.size,
            inputs=candidate.inputs,
            moving=moving,
            verdict=str(decision),
            held=held,
        )

    def _push(self, image: LocalImage, reference: str) -> None:
        try:
            self._push_with_retries(image, reference)
        finally:
            # `invoke build` finds an image in the engine by its two own names. The last name stays: removing it would delete
            # the image.
            tagged = self.engine.image(reference)
            if tagged is not None and len(tagged.tags) > 1:
                self.engine.remove_tag(reference)

    def _push_with_retries(self, image: LocalImage, reference: str) -> None:
        def tell(text: str) -> None:
            self.say(f"{reference}: {text}")

        # An attempt takes minutes, so each further one is told in the same way.
        policy = RetryPolicy(
            attempts=ATTEMPTS, first=_FIRST_PAUSE, patience=math.inf, say=tell, warn=tell, wait=self.wait
        )
        attempts = policy.start()
        while True:
            # The engine pushes the image that has the name now: another push may have moved the name.
            self.engine.tag(image.id, reference)
            error = self.engine.push(reference, self.login)
            if not error:
                self.say(f"pushed {reference}")
                return
            refusal = self.registry.upload_error(self.image.repository) if _UNEXPLAINED_ERROR in error else ""
            if refusal or not _is_transient(error) or not attempts.again(error):
                raise PushFailedError(reference, ": ".join(filter(None, (error, refusal))))
