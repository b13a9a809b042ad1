"""The findings of proxies and certificate authorities."""

import socket
from pathlib import Path

from lifecycle.doctor.finding import State
from lifecycle.doctor.network import check_network
from tests.support.servers.processes import free_port

HIDDEN = "geheim-4711"


def test_without_a_proxy_everything_is_direct() -> None:
    found = list(check_network({}))

    assert [f.state for f in found] == [State.OK, State.OK]
    assert found[0].text == "no proxy: every server is reached directly"


def test_a_proxy_that_answers_is_ok_and_shows_no_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        first, second, _ = check_network(
            {"ALL_PROXY": f"http://me:{HIDDEN}@{address}", "NO_PROXY": "intra.example.org"}
        )

    assert (first.state, first.text) == (State.OK, f"http:// and https:// through http://{address} of ALL_PROXY")
    assert "intra.example.org" in second.text


def test_a_proxy_that_does_not_answer_names_its_variable() -> None:
    first, *_ = check_network({"HTTPS_PROXY": f"http://me:{HIDDEN}@127.0.0.1:{free_port()}"})

    assert first.state is State.ERROR
    assert "unset HTTPS_PROXY" in first.remedy
    assert HIDDEN not in first.text + first.remedy


def test_an_address_that_is_no_proxy_is_an_error() -> None:
    first, *_ = check_network({"HTTPS_PROXY": f"ftp://me:{HIDDEN}@proxy.example.org"})

    assert first.state is State.ERROR
    assert HIDDEN not in first.text


def test_words_of_no_proxy_that_are_no_hosts_are_named() -> None:
    found = list(check_network({"NO_PROXY": "a.example.org,http://b.example.org/"}))

    assert [f.text for f in found if f.state is State.WARNING] == [
        "NO_PROXY has words that are no hosts: http://b.example.org/"
    ]


def test_authorities_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    *_, last = check_network({"SSL_CERT_FILE": str(tmp_path / "none.pem")})

    assert last.state is State.ERROR
    assert "SSL_CERT_FILE" in last.text
