"""The outputs in docs/runbook/rollout-stopped.md are those of a rollout."""

from collections.abc import Callable

import pytest

from lifecycle.errors import InstallerError
from tests.support.builders.fleets import fail
from tests.support.checkout import ROOT
from tests.support.servers.kubernetes_server import World

PAGE = (ROOT / "docs/runbook/rollout-stopped.md").read_text()
NODES = ("gpu-a1", "gpu-a2", "gpu-a3")


def missing(text: str) -> list[str]:
    """Return the lines that the page lacks. The number of a pod depends on what the server made before."""
    shown = PAGE.splitlines()
    return [line for line in text.splitlines() if line not in shown and "describe pod new-" not in line]


def test_the_healthy_output_is_that_of_a_rollout(
    grow: Callable[..., None], start: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    grow(*NODES)
    start()

    said = capsys.readouterr().err
    assert "upgraded: 3 nodes" in said
    assert missing(said) == []


def test_the_broken_output_is_that_of_a_rollout(
    world: World, grow: Callable[..., None], start: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    grow(*NODES)
    world.on_new_pod = lambda made: fail(made) if made["spec"]["nodeName"] == NODES[1] else None
    with pytest.raises(InstallerError) as caught:
        start()

    assert missing(capsys.readouterr().err) == []
    assert missing(f"error: {caught.value}") == []
