"""Downloads and registries behind real proxies: Debian's tinyproxy and microsocks. The servers have an address outside loopback."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.sources.download import DownloadError, DownloadRequest, download_all
from lifecycle.sources.transfer import Address
from lifecycle.tools.digest import sha256_of
from lifecycle.tools.network.errors import InvalidProxyError
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.errors import RegistryRefusedError
from tests.support.servers.processes import free_port
from tests.support.servers.proxy_server import PASSWORD, USER, ProxyServer, http_proxy, socks_proxy
from tests.support.servers.registry_server import RegistryServer, registry_server
from tests.support.serving import serving

VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings of this machine."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[ProxyServer]:
    with http_proxy(tmp_path / "proxy") as running:
        yield running


@pytest.fixture
def guarded_proxy(tmp_path: Path) -> Iterator[ProxyServer]:
    with http_proxy(tmp_path / "proxy", f"BasicAuth {USER} {PASSWORD}") as running:
        yield running


@pytest.fixture
def file(address: str, tmp_path: Path) -> Iterator[DownloadRequest]:
    """Serve a file at an address outside loopback."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "f").write_bytes(bytes(range(256)) * 1000)
    http = ThreadingHTTPServer((address, 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    locked = LockedFile(name="f", version="1", origin="A/f", size=256_000, sha256=sha256_of(folder / "f"))
    with serving(http):
        yield DownloadRequest(file=locked, address=Address(uri=f"http://{address}:{http.server_port}/f"))


@pytest.fixture
def registry(address: str, tmp_path: Path) -> Iterator[RegistryServer]:
    """Start a registry with TLS at an address outside loopback; its authority is its own."""
    with registry_server(tmp_path / "registry", tls=True, address=address) as running:
        yield running


def download(file: DownloadRequest, folder: Path) -> bool:
    cache = Cache(folder / "cache")
    download_all([file], cache, advance=lambda _: None, wait=lambda _: None)
    return cache.has_blob(file.file.sha256)


def tags(server: RegistryServer, folder: Path) -> list[str]:
    with closing(Registry(server.host, None, certificates=folder / "none", wait=lambda _: None)) as client:
        return client.tags("x")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "all_proxy"])
def test_a_file_is_downloaded_through_a_proxy(
    proxy: ProxyServer, file: DownloadRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, proxy.url)

    assert download(file, tmp_path)
    assert proxy.requests == [f"GET {file.address.uri}"]


@pytest.mark.parametrize(
    "entry", ["198.18.0.0/15", "a.example,198.18.0.0/16 , b.example", "*", "{host}", "{host}:{port}"]
)
def test_an_exception_is_reached_past_the_proxy(
    proxy: ProxyServer, file: DownloadRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    host, _, port = file.address.uri.removeprefix("http://").removesuffix("/f").partition(":")
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", entry.format(host=host, port=port))

    assert download(file, tmp_path)
    assert proxy.requests == []


@pytest.mark.parametrize("entry", ["10.0.0.0/8", "{host}:1", "localhost,[::1],fd00::/8"])
def test_a_host_that_is_no_exception_is_reached_through_the_proxy(
    proxy: ProxyServer, file: DownloadRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", entry.format(host=file.address.uri[7:].partition(":")[0]))

    assert download(file, tmp_path)
    assert len(proxy.requests) == 1


def test_a_registry_on_loopback_is_reached_past_a_dead_proxy(
    server: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")

    assert tags(server, tmp_path) == []


def test_a_registry_with_tls_is_reached_through_a_tunnel(
    proxy: ProxyServer, registry: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("SSL_CERT_FILE", str(registry.authority))

    assert tags(registry, tmp_path) == []
    assert proxy.requests == [f"CONNECT {registry.host}"]


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_the_authority_that_a_variable_names_is_trusted(
    registry: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with pytest.raises(RegistryRefusedError, match=r"CERTIFICATE_VERIFY_FAILED.*SSL_CERT_FILE names"):
        tags(registry, tmp_path)
    monkeypatch.setenv(variable, str(registry.authority))

    assert tags(registry, tmp_path) == []


def test_a_proxy_gets_its_password(
    guarded_proxy: ProxyServer, file: DownloadRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{USER}:{PASSWORD}@{guarded_proxy.place}")

    assert download(file, tmp_path)


def test_a_proxy_that_wants_a_password_is_named(
    guarded_proxy: ProxyServer, file: DownloadRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", guarded_proxy.url)
    with pytest.raises(DownloadError) as caught:
        download(file, tmp_path)

    place = f"(through the proxy {guarded_proxy.url} of HTTP_PROXY)"
    assert f"407 Proxy Authentication Required {place}" in str(caught.value)


def test_a_wrong_password_is_said_of_the_proxy_and_not_shown(
    guarded_proxy: ProxyServer, registry: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{USER}:falsch@{guarded_proxy.place}")
    with pytest.raises(RegistryRefusedError) as caught:
        tags(registry, tmp_path)

    assert f"401 Unauthorized (through the proxy {guarded_proxy.url} of HTTPS_PROXY)" in str(caught.value)
    assert "docker login" not in str(caught.value)
    assert "falsch" not in str(caught.value)


def test_a_proxy_that_forbids_a_registry_is_not_told_as_a_missing_login(
    registry: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_proxy(tmp_path / "proxy", "ConnectPort 1") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(RegistryRefusedError) as caught:
            tags(registry, tmp_path)

    assert f"403 Access violation (through the proxy {proxy.url} of HTTPS_PROXY)" in str(caught.value)
    assert "docker login" not in str(caught.value)
    assert "NO_PROXY" in caught.value.resolution


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_registry_is_reached_through_a_socks_proxy(
    registry: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(registry.authority))
    with socks_proxy(tmp_path / "socks", "-u", USER, "-P", PASSWORD) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://{USER}:{PASSWORD}@{proxy.place}")

        assert tags(registry, tmp_path) == []
    with pytest.raises(RegistryRefusedError, match=f"through the proxy {scheme}://{proxy.place} of ALL_PROXY"):
        tags(registry, tmp_path)


def test_a_proxy_of_an_unknown_kind_is_a_mistake_of_the_user(
    registry: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:1080/")
    with pytest.raises(InvalidProxyError, match=r"^ALL_PROXY: .* is not supported: write http://"):
        tags(registry, tmp_path)
