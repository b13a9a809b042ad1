"""A machine with its own apt, for the tests of sources."""

from pathlib import Path

import pytest

from tests.support.builders.apt_checkout import repository
from tests.support.builders.source_checkout import SourceCheckout, make_source_checkout
from tests.support.machines.apt_machine import AptMachine, make_apt_machine


@pytest.fixture
def apt_checkout(tmp_path: Path) -> SourceCheckout:
    """Return a checkout whose packages come from the archive of the machine that is labelled Test."""
    return make_source_checkout(tmp_path, repository(), environ={})


@pytest.fixture
def apt_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AptMachine:
    """Return a machine without sources whose apt the process uses."""
    made = make_apt_machine(tmp_path / "machine")
    for name, value in made.environ.items():
        monkeypatch.setenv(name, value)
    return made
