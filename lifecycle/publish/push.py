"""push: tested images to the registry, by digest; what is there is left alone, and an immutable tag never moves.

An image is pushed under its immutable tag (lifecycle/planning/tags.py), and one that is not tested under a tag that says so. The
moving tags are then put at the same manifest over the registry's own API, whoever pushed that, so that they need no engine and
no local image.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.config.component import Image
from lifecycle.errors import InstallerError, UsageError
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import immutable_tag, moving_tags, untested_tag
from lifecycle.publish.published_image import Published
from lifecycle.tools.engine.engine import Engine, LocalImage
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.registry.errors import hint_for
from lifecycle.tools.registry.login import Login
from lifecycle.tools.registry.registry import Registry, RemoteImage

ATTEMPTS = 4
# Words of answers after which the same request may well succeed. The last two lines are what a push says beside which another one
# ran: the engine's, where that has just taken the tag away that both gave, and the registry's, where it has not yet kept a layer.
_TRANSIENT = (
    *("connection re", "broken pipe", "EOF", "timeout", "500 Int", "502", "503", "504", "try again", "unavailable"),
    *("tag does not exist", "not exist locally"),
    *("blob unknown to registry", "digest invalid"),
)
# The engine keeps to itself what a registry says with it.
_SILENT = "unexpected HTTP status: 500"


class PushDecision(StrEnum):
    """What is to become of an image."""

    PUSH = "not there"
    SAME = "there"
    SAME_INPUTS = "there, made of the same inputs elsewhere"
    UNTESTED = "its tests have not passed"
    OTHER = "its immutable tag is another image's"


REFUSED = (PushDecision.UNTESTED, PushDecision.OTHER)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An image to push: what it is for, the image in the engine, and what its tag in the registry leads to.

    `known` is whether its tests passed, here or before it came to the registry; else its tag says that they have not.
    """

    combination: Combination
    image: LocalImage
    known: bool
    remote: RemoteImage | None

    @property
    def inputs(self) -> str:
        """The digest of the image's inputs."""
        return self.image.labels.get(LABEL_DIGEST, "")

    @property
    def tag(self) -> str:
        """The tag that never moves, or the one that says that the image is not tested."""
        return (immutable_tag if self.known else untested_tag)(self.combination, self.inputs)


@dataclass(frozen=True, kw_only=True)
class Pushed(Published):
    """An image that is in the registry now: the moving tags that lead to it, and what was found there before."""

    moving: tuple[str, ...]
    verdict: str


class PushRefusedError(UsageError):
    """Images that must not be pushed: none was."""

    def __init__(self, refused: Sequence[tuple[Candidate, PushDecision]]) -> None:
        lines = [f"  {candidate.combination.id}: {verdict}" for candidate, verdict in refused]
        hints = []
        if any(verdict is PushDecision.UNTESTED for _, verdict in refused):
            hints.append("Run `nox -s test_images`, or push them --untested.")
        if any(verdict is PushDecision.OTHER for _, verdict in refused):
            hints.append("An immutable tag never moves: look whose image it is, and delete the tag on purpose.")
        super().__init__(
            "nothing was pushed: some images must not be", details="\n".join(lines), resolution=" ".join(hints)
        )


class PushFailedError(InstallerError):
    """An image that the registry did not take."""

    def __init__(self, reference: str, why: str) -> None:
        again = "Run the command again: what the registry has taken is not sent twice."
        super().__init__(
            f"{reference} could not be pushed",
            details=f"  {why}",
            resolution=hint_for(reference.partition("/")[0], why.lower()) or again,
        )


# ----- pure


def verdict_of(candidate: Candidate, *, untested: bool) -> PushDecision:
    """What is to become of an image; `untested` lets those through whose tests have not passed."""
    if not candidate.known and not untested:
        return PushDecision.UNTESTED
    if candidate.remote is not None:
        if candidate.remote.id == candidate.image.id:
            return PushDecision.SAME
        if candidate.remote.labels.get(LABEL_DIGEST) == candidate.image.labels.get(LABEL_DIGEST):
            return PushDecision.SAME_INPUTS
        return PushDecision.OTHER
    return PushDecision.PUSH


def is_transient(said: str) -> bool:
    """Whether the same push may well succeed after this answer."""
    return any(word.lower() in said.lower() for word in _TRANSIENT)


# ----- effects


@dataclass(frozen=True, kw_only=True)
class Pusher:
    """The hands of this step; `wait` is told the seconds before another attempt, `say` what happens."""

    engine: Engine
    registry: Registry
    login: Login | None
    image: Image
    say: Callable[[str], None]
    wait: Callable[[float], None] = time.sleep

    def candidate(self, combination: Combination, image: LocalImage, *, tested: bool) -> Candidate:
        """An image and what there is of it in the registry; `tested` says whether its tests passed here."""
        inputs = image.labels.get(LABEL_DIGEST, "")
        there = self._remote(immutable_tag(combination, inputs))
        known = tested or there is not None
        remote = there if known else self._remote(untested_tag(combination, inputs))
        return Candidate(combination=combination, image=image, known=known, remote=remote)

    def _remote(self, tag: str) -> RemoteImage | None:
        return self.registry.image(self.image.repository, tag)

    def publish(self, candidate: Candidate, verdict: PushDecision, others: Sequence[Combination]) -> Pushed:
        """Have an image and its tags in the registry; raises PushFailedError, RegistryRefusedError.

        Moving tags are what nodes pull: they lead to no image that is not tested.
        """
        name, tag = f"{self.image.registry}/{self.image.repository}", candidate.tag
        if verdict is PushDecision.PUSH:
            self._push(candidate.image, f"{name}:{tag}")
        found = self._remote(tag)
        if found is None:
            raise PushFailedError(f"{name}:{tag}", "the registry took it and does not have it")
        moving = moving_tags(candidate.combination, others) if candidate.known else ()
        for other in moving:
            if self.registry.retag(self.image.repository, found.digest, other):
                self.say(f"moved {name}:{other}")
        return Pushed(
            combination=candidate.combination.id,
            reference=f"{name}@{found.digest}",
            tag=tag,
            digest=found.digest,
            size=found.size,
            inputs=candidate.inputs,
            moving=moving,
            verdict=str(verdict),
        )

    def _push(self, image: LocalImage, reference: str) -> None:
        try:
            self._attempt(image, reference)
        finally:
            # In the engine an image keeps its two names, by which `invoke build` knows what is there. Its only name stays:
            # with it the image would go.
            named = self.engine.image(reference)
            if named is not None and len(named.tags) > 1:
                self.engine.remove_tag(reference)

    def _attempt(self, image: LocalImage, reference: str) -> None:
        said = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.wait(2.0**attempt)
            # The engine pushes what the name leads to there, which may have been another image since.
            self.engine.tag(image.id, reference)
            said = self.engine.push(reference, self.login)
            if not said:
                self.say(f"pushed {reference}")
                return
            refusal = self.registry.upload_refusal(self.image.repository) if _SILENT in said else ""
            if refusal or not is_transient(said):
                said = ": ".join(filter(None, (said, refusal)))
                break
            self.say(f"{reference}: {said}: trying again")
        raise PushFailedError(reference, said)
