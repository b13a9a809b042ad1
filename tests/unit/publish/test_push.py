"""The repeated attempts of a push, with an engine in memory. tests/services pushes to real registries."""

import pytest

from lifecycle.config.component import Image
from lifecycle.publish.push import Pusher
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.registry.client import Registry
from tests.support.fakes.engine import FakeEngine

IMAGE = LocalImage(id="sha256:1", tags=("x",), size=1, labels={})


class BusyEngine(FakeEngine):
    """An engine whose first push fails for now."""

    def push(self, reference: str, login: object) -> str:
        """Fail the first time."""
        return "" if len(self.tagged) > 1 else "503 service unavailable"


@pytest.mark.parametrize("long", [0.0, 1000.0])
def test_each_further_attempt_is_told_with_the_image(monkeypatch: pytest.MonkeyPatch, long: float) -> None:
    monkeypatch.setattr("lifecycle.tools.network.retries._LONG", long)
    said: list[str] = []
    pusher = Pusher(
        engine=BusyEngine(),
        registry=Registry("r.example", None),
        login=None,
        image=Image(registry="r.example", repository="a"),
        say=said.append,
        wait=lambda _: None,
    )
    pusher._push(IMAGE, "r.example/a:1")

    assert [text.partition(": trying again")[0] for text in said] == [
        "r.example/a:1: 503 service unavailable",
        "pushed r.example/a:1",
    ]
