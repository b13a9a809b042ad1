"""Failures of a pull that the engine reports within its stream; tests/services has a real engine and a busy registry."""

from dataclasses import dataclass, field
from typing import Any

import docker.errors
import pytest

from lifecycle.tools.engine.pull import pull_image
from lifecycle.tools.network.retries import RetryPolicy


@dataclass
class Engine:
    """An engine with a list of outcomes, one for each pull: "", or the error in its stream."""

    outcomes: list[str]
    asked: list[tuple[str, str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def pull(self, repository: str, tag: str, **_: Any) -> list[dict[str, str]]:  # noqa: ANN401 - the SDK's options
        self.asked.append((repository, tag))
        error = self.outcomes.pop(0)
        return [{"status": "Pulling"}, *([{"error": error}] if error else [])]

    def run(self, reference: str = "x/y:1") -> None:
        pull_image(self, reference, platform="linux/amd64", auth=None, policy=RetryPolicy(wait=self.waits.append))  # type: ignore[arg-type]


def test_an_error_within_the_stream_is_an_error() -> None:
    engine = Engine(["no space left on device"])
    with pytest.raises(docker.errors.APIError, match="no space left on device"):
        engine.run()

    assert engine.waits == []


def test_a_failure_that_may_pass_is_tried_again() -> None:
    engine = Engine(["unexpected EOF", "received unexpected HTTP status: 503 Service Unavailable", ""])
    engine.run()

    assert len(engine.waits) == 2


def test_attempts_end() -> None:
    engine = Engine(["unexpected EOF"] * 9)
    with pytest.raises(docker.errors.APIError, match="unexpected EOF"):
        engine.run()

    assert len(engine.asked) == 4


@pytest.mark.parametrize(
    ("reference", "asked"),
    [
        ("h:5000/x", ("h:5000/x", "latest")),
        ("h:5000/x:1", ("h:5000/x", "1")),
        ("h/x@sha256:0a", ("h/x", "sha256:0a")),
    ],
)
def test_one_image_is_asked_for(reference: str, asked: tuple[str, str]) -> None:
    engine = Engine([""])
    engine.run(reference)

    assert engine.asked == [asked]
