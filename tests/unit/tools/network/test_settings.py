import pytest

from lifecycle.tools.network.errors import InvalidProxyError
from lifecycle.tools.network.settings import network_settings


@pytest.mark.parametrize(
    ("environ", "url", "proxy"),
    [
        ({}, "https://example.org", ""),
        ({"HTTPS_PROXY": "http://p:1"}, "https://example.org", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "https://example.org", "http://p:1"),
        ({"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:1"}, "https://example.org", "http://upper:1"),
        ({"HTTPS_PROXY": "", "https_proxy": "http://lower:1"}, "https://example.org", "http://lower:1"),
        ({"HTTPS_PROXY": " p:1 "}, "https://example.org", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://example.org", ""),
        ({"HTTP_PROXY": "http://p:1"}, "https://example.org", ""),
        ({"ALL_PROXY": "socks5h://p:1"}, "https://example.org", "socks5h://p:1"),
        ({"all_proxy": "socks5://p:1"}, "http://example.org", "socks5://p:1"),
        ({"ALL_PROXY": "socks5h://p:1", "https_proxy": "http://own:1"}, "https://example.org", "http://own:1"),
        ({"HTTP_PROXY": "http://p:1", "no_proxy": "example.org"}, "http://a.example.org/x", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.org:443"}, "https://example.org/x", ""),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "example.org:443"}, "http://example.org/x", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "a", "no_proxy": "example.org"}, "http://example.org", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "http://localhost:5000/v2/", ""),
        ({"ALL_PROXY": "http://p:1"}, "http://[::1]:5000/v2/", ""),
        ({"ALL_PROXY": "http://p:1"}, "http+docker://localhost/version", ""),
    ],
)
def test_the_proxy_for_an_address_is_that_of_its_scheme(environ: dict[str, str], url: str, proxy: str) -> None:
    found = network_settings(environ).proxy_for(url)

    assert (found.url if found else "") == proxy


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("socks4://p:1", "a proxy of the kind socks4:// is not supported"),
        ("socks://p:1", "a proxy of the kind socks:// is not supported"),
        ("ftp://p:1", "a proxy of the kind ftp:// is not supported"),
        ("http://", "its host or port is invalid"),
        ("http://[::1", "its host or port is invalid"),
        ("http://p:port", "its host or port is invalid"),
        ("http://p:99999", "its host or port is invalid"),
        ("http://p q:1", "its host or port is invalid"),
        ("http://p\x00:1", "its host or port is invalid"),
        ("://", "its host or port is invalid"),
        ("http://me:geheim#4711@p:1", "its host or port is invalid"),
        ("http://me:geheim\n4711@p:1", "its host or port is invalid"),
        ("http://me:1/4711@p:1", "its host or port is invalid"),
        ("me:geheim@[p:1", "its host or port is invalid"),
    ],
)
def test_a_bad_proxy_is_one_sentence_that_names_its_variable(value: str, why: str) -> None:
    proxy = network_settings({"https_proxy": value}).proxy_for("https://example.org")

    assert proxy is not None
    with pytest.raises(InvalidProxyError) as caught:
        _ = proxy.url
    assert str(caught.value).startswith("https_proxy: ")
    assert why in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert "4711" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_bad_proxy_that_nothing_uses_is_no_error() -> None:
    settings = network_settings({"HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://p:1", "ALL_PROXY": "socks://p:1"})

    assert {str(settings.proxy_for(f"{scheme}://x")) for scheme in ("http", "https")} == {
        "http://p:1 of HTTP_PROXY",
        "http://p:1 of HTTPS_PROXY",
    }


def test_the_description_names_each_variable_and_no_password() -> None:
    settings = network_settings(
        {
            "http_proxy": "http://me:geheim@proxy:3128",
            "NO_PROXY": "10.0.0.0/8,https://x",
            "SSL_CERT_FILE": "/etc/corp.pem",
        }
    )

    assert settings.describe() == (
        "http://: through http://proxy:3128 of http_proxy",
        "https://: without a proxy",
        "without a proxy: loopback, and what NO_PROXY=10.0.0.0/8,https://x names",
        "not understood in NO_PROXY=10.0.0.0/8,https://x: https://x",
        "certificate authorities: /etc/corp.pem of SSL_CERT_FILE",
    )
    assert "geheim" not in repr(settings)


def test_the_description_of_an_empty_environment_is_short() -> None:
    assert network_settings({}).describe() == (
        "http://: without a proxy",
        "https://: without a proxy",
        "certificate authorities: the system's",
    )
