"""The engine's finding, and its proxies beside this process's."""

import gc
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.doctor.engine import check_engine, is_remote, proxy_findings, refusal
from lifecycle.doctor.finding import State
from lifecycle.tools.engine.errors import EngineUnreachableError
from lifecycle.tools.engine.facts import read_facts

REGISTRY = "registry.example.org"
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
PROXY = {"HTTPS_PROXY": "http://user:geheim@proxy.example.org:3128"}


@pytest.fixture(autouse=True)
def sockets() -> Iterator[None]:
    """Close the sockets that the SDK leaves open after a failed connection, so that no later test reports them."""
    yield
    gc.collect()


def session(environ: Mapping[str, str]) -> Session:
    return Session(Path("/checkout"), cache_dir="/cache", environ=environ)


def test_an_engine_that_is_not_there_is_named_with_what_starts_one() -> None:
    (found,) = check_engine(session({"DOCKER_HOST": "unix:///nowhere.sock"}))

    assert found.state is State.ERROR
    assert "no container engine answers at unix:///nowhere.sock" in found.text
    assert "scripts/setup" in found.remedy


def test_an_engine_that_refuses_the_user_names_the_group() -> None:
    found = refusal(EngineUnreachableError("unix:///var/run/docker.sock", "Permission denied"))

    assert found.remedy.startswith("Run `sudo usermod -aG docker ")


@pytest.mark.parametrize(
    ("url", "remote"),
    [
        ("unix:///var/run/docker.sock", False),
        ("tcp://127.0.0.1:2375", False),
        ("tcp://10.0.0.1:2375", True),
        ("ssh://me@build.example.org", True),
    ],
)
def test_an_engine_on_another_machine_is_told_by_its_address(url: str, *, remote: bool) -> None:
    assert is_remote(url) is remote


@pytest.mark.parametrize(
    ("environ", "about", "state", "words"),
    [
        ({}, {}, State.OK, "without a proxy, as from here"),
        (PROXY, {}, State.WARNING, "the engine reaches it without a proxy"),
        ({}, {"HttpsProxy": PROXY["HTTPS_PROXY"]}, State.WARNING, "this process reaches it without a proxy"),
        (PROXY, {"HttpsProxy": PROXY["HTTPS_PROXY"]}, State.OK, "through http://proxy.example.org:3128"),
        ({}, {"HttpsProxy": "http://p:1", "NoProxy": "example.org"}, State.OK, "without a proxy"),
    ],
)
def test_the_proxies_of_the_engine_are_compared_with_ours(
    environ: Mapping[str, str], about: Mapping[str, str], state: State, words: str
) -> None:
    (found,) = proxy_findings(session(environ), read_facts(about), REGISTRY)

    assert found.state is state
    assert words in found.text
    assert "geheim" not in found.text


def test_a_registry_on_loopback_needs_no_exception() -> None:
    (found,) = proxy_findings(session(PROXY), read_facts({"HttpProxy": "http://p:1"}), "localhost:5000")

    assert found.state is State.OK


def test_an_answer_without_keys_has_no_facts() -> None:
    facts = read_facts({"Architecture": "x86_64"})

    assert (facts.architecture, facts.version, facts.memory, dict(facts.proxies)) == ("amd64", "unknown", 0, {})
