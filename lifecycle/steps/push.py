"""push: tested images to the registry, by digest; what is there is left alone, and an exact tag never moves."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.errors import InstallerError, UsageError
from lifecycle.model.component import Image
from lifecycle.model.matrix import Combination
from lifecycle.model.tags import is_newest_of_branch, references
from lifecycle.tools.engine import Engine, LocalImage
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.login import Login
from lifecycle.tools.registry import Registry, RemoteImage

ATTEMPTS = 4
# Words of answers after which the same request may well succeed.
_TRANSIENT = ("connection re", "broken pipe", "EOF", "timeout", "502", "503", "504", "try again", "unavailable")


class Verdict(StrEnum):
    """What is to become of an image."""

    PUSH = "not there"
    SAME = "there"
    SAME_INPUTS = "there, made of the same inputs elsewhere"
    UNTESTED = "its tests have not passed"
    OTHER = "its tag is another image's"


REFUSED = (Verdict.UNTESTED, Verdict.OTHER)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An image to push: what it is for, the image in the engine, whether its tests passed, the tag in the registry."""

    combination: Combination
    image: LocalImage
    tested: bool
    remote: RemoteImage | None


@dataclass(frozen=True, kw_only=True)
class Published:
    """An image that is in the registry: `size` are the bytes of its layers there, `inputs` the digest of its inputs."""

    combination: str
    reference: str
    moving: str
    digest: str
    size: int
    inputs: str
    verdict: str


class PushRefusedError(UsageError):
    """Images that must not be pushed: none was."""

    def __init__(self, refused: Sequence[tuple[Candidate, Verdict]]) -> None:
        lines = [f"  {candidate.combination.id}: {verdict}" for candidate, verdict in refused]
        hints = []
        if any(verdict is Verdict.UNTESTED for _, verdict in refused):
            hints.append("Run `nox -s test_images`, or push them --untested.")
        if any(verdict is Verdict.OTHER for _, verdict in refused):
            hints.append("An exact tag never moves: raise `version` in component.yaml, or delete the tag on purpose.")
        super().__init__(
            "nothing was pushed: some images must not be", details="\n".join(lines), resolution=" ".join(hints)
        )


class PushFailedError(InstallerError):
    """An image that the registry did not take."""

    def __init__(self, reference: str, why: str) -> None:
        super().__init__(
            f"{reference} could not be pushed",
            details=f"  {why}",
            resolution="Run the command again: what the registry has taken is not sent twice.",
        )


# ----- pure


def verdict_of(candidate: Candidate, *, untested: bool) -> Verdict:
    """What is to become of an image; `untested` lets those through whose tests have not passed."""
    if candidate.remote is not None:
        if candidate.remote.id == candidate.image.id:
            return Verdict.SAME
        if candidate.remote.labels.get(LABEL_DIGEST) == candidate.image.labels.get(LABEL_DIGEST):
            return Verdict.SAME_INPUTS
        return Verdict.OTHER
    return Verdict.PUSH if candidate.tested or untested else Verdict.UNTESTED


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

    def remote(self, combination: Combination) -> RemoteImage | None:
        """What the combination's exact tag leads to in the registry."""
        return self.registry.image(self.image.repository, references(self.image, combination)[0].rpartition(":")[2])

    def publish(self, candidate: Candidate, verdict: Verdict, others: Sequence[Combination]) -> Published:
        """Have an image and its moving tag in the registry; raises PushFailedError, RegistryRefusedError."""
        exact, moving = references(self.image, candidate.combination)
        if verdict is Verdict.PUSH:
            self._push(candidate.image, exact)
        found = self.remote(candidate.combination)
        if found is None:
            raise PushFailedError(exact, "the registry took it and does not have it")
        if is_newest_of_branch(candidate.combination, others):
            self._move(moving, found, candidate.image)
        return Published(
            combination=candidate.combination.id,
            reference=f"{exact.rpartition(':')[0]}@{found.digest}",
            moving=moving,
            digest=found.digest,
            size=found.size,
            inputs=candidate.image.labels.get(LABEL_DIGEST, ""),
            verdict=str(verdict),
        )

    def _move(self, moving: str, to: RemoteImage, image: LocalImage) -> None:
        there = self.registry.image(self.image.repository, moving.rpartition(":")[2])
        if there is None or there.digest != to.digest:
            if to.id == image.id:
                self._push(image, moving)
            else:
                self.say(f"{moving} stays: its image was made elsewhere, and is tagged there")

    def _push(self, image: LocalImage, reference: str) -> None:
        # The engine pushes what the name leads to there, which may have been another image since.
        self.engine.tag(image.id, reference)
        said = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.wait(2.0**attempt)
            said = self.engine.push(reference, self.login)
            if not said:
                self.say(f"pushed {reference}")
                return
            if not is_transient(said):
                break
            self.say(f"{reference}: {said}: trying again")
        raise PushFailedError(reference, said)
