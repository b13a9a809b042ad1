import pytest

from lifecycle.errors import EXIT_USAGE
from lifecycle.tools.engine.address import engine_address
from lifecycle.tools.engine.url import InvalidEngineAddressError, checked_url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("tcp://192.0.2.1", "tcp://192.0.2.1:2375"),
        ("TCP://engine.example.org:2376", "tcp://engine.example.org:2376"),
        ("tcp://[2001:db8::1]:2375", "tcp://[2001:db8::1]:2375"),
        ("unix:///run/user/1000/docker.sock", "unix:///run/user/1000/docker.sock"),
        ("ssh://me@engine.example.org", "ssh://me@engine.example.org"),
    ],
)
def test_an_address_is_taken_as_docker_takes_it(given: str, url: str) -> None:
    assert checked_url(given, "--engine", tls=False) == url


def test_an_address_with_tls_has_the_port_of_tls() -> None:
    assert checked_url("tcp://192.0.2.1", "--engine", tls=True) == "tcp://192.0.2.1:2376"


def test_docker_host_without_a_scheme_is_an_address_of_tcp() -> None:
    assert engine_address({"DOCKER_HOST": "192.0.2.1:2375", "HOME": "/nowhere"}).url == "tcp://192.0.2.1:2375"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("tcp://h:x", "its host or port is invalid"),
        ("tcp://[::1", "its host or port is invalid"),
        ("tcp://h:99999", "its host or port is invalid"),
        ("tcp://h:0", "its host or port is invalid"),
        ("tcp://a b:1", "its host or port is invalid"),
        ("tcp://", "it names no host"),
        ("unix://", "it names no socket"),
        ("npipe:////./pipe/docker_engine", "npipe:// is not supported"),
        ("fd://", "fd:// is not supported"),
    ],
)
@pytest.mark.parametrize(("variable", "setting"), [("INVOKE_ENGINE", "--engine"), ("DOCKER_HOST", "DOCKER_HOST")])
def test_an_address_that_none_has_is_one_sentence(variable: str, setting: str, url: str, why: str) -> None:
    with pytest.raises(InvalidEngineAddressError) as caught:
        engine_address({variable: url, "HOME": "/nowhere"})

    remedy = "write ssh://[user@]host, tcp://host:port or unix:///path/to/docker.sock"
    assert str(caught.value) == f"{setting}: {url!r}: {why}: {remedy}"
    assert caught.value.exit_code == EXIT_USAGE


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidEngineAddressError) as caught:
        checked_url("tcp://me:geheim@192.0.2.1:2375", "--engine", tls=False)

    assert "it contains a user or a password" in str(caught.value)
    assert "geheim" not in str(caught.value)
