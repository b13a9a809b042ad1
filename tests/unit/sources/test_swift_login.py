from pathlib import Path

import keystoneauth1.exceptions
import pytest

from lifecycle.sources.swift_login import swift_connection
from lifecycle.tools.network.errors import InvalidProxyError
from tests.support.servers.faulty_server import faulty_server

STORAGE = "http://swift.example/v1/a"
KEYSTONE = {
    "OS_AUTH_URL": "http://keystone.example",
    "OS_USERNAME": "u",
    "OS_PASSWORD": "p",
    "OS_PROJECT_NAME": "a",
}
LOGIN = {"OS_STORAGE_URL": STORAGE, "OS_AUTH_TOKEN": "t"}


def test_the_storage_is_reached_through_the_proxy() -> None:
    with faulty_server() as proxy:
        connection = swift_connection({**LOGIN, "HTTP_PROXY": proxy.address})
        connection.head_account()
        connection.close()

        assert proxy.asked == [("HEAD", STORAGE, b"")]


def test_the_storage_on_loopback_is_reached_past_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with faulty_server() as storage:
        connection = swift_connection({**LOGIN, "OS_STORAGE_URL": storage.address, "HTTP_PROXY": "http://127.0.0.1:1"})
        connection.head_account()
        connection.close()

        assert len(storage.asked) == 1


@pytest.mark.parametrize(("no_proxy", "asked"), [("", 1), (".example", 0)])
def test_keystone_is_reached_as_the_variables_say(no_proxy: str, asked: int) -> None:
    with faulty_server() as proxy:
        environ = {**KEYSTONE, "HTTP_PROXY": proxy.address, "NO_PROXY": no_proxy}
        with pytest.raises(keystoneauth1.exceptions.ClientException):
            swift_connection(environ).get_auth()

        assert [address for _, address, _ in proxy.asked] == ["http://keystone.example/v3/auth/tokens"] * asked


def test_a_bad_proxy_for_the_storage_is_one_sentence() -> None:
    connection = swift_connection({**LOGIN, "ALL_PROXY": "socks4://p:1"})
    with pytest.raises(InvalidProxyError, match=r"^ALL_PROXY: "):
        connection.head_account()


def test_the_authorities_of_swift_come_before_those_of_all(tmp_path: Path) -> None:
    environ = {**LOGIN, "SSL_CERT_FILE": str(tmp_path / "all.pem")}

    assert swift_connection(environ).cacert == f"{tmp_path}/all.pem"
    assert swift_connection({**environ, "OS_CACERT": "/own.pem"}).cacert == "/own.pem"
