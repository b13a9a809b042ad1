"""Tests of what the real `invoke` prints where the settings of the network are bad: one message, never a traceback."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.checkout import PARTS, copy_parts

# The settings of this machine are not those of the test.
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
Manifests = Callable[..., tuple[int, str]]


@pytest.fixture
def manifests(tmp_path: Path) -> Manifests:
    """Run `invoke manifests`, which asks a registry for its images, in a copy of the checkout; return its code and stderr."""
    copy_parts(tmp_path, [*PARTS, "tasks.py"])
    component = tmp_path / "component.yaml"
    text = component.read_text()

    def run(registry: str, **environ: str) -> tuple[int, str]:
        component.write_text(text.replace("registry: localhost:5000", f"registry: {registry}", 1))
        env = {name: value for name, value in os.environ.items() if name.upper() not in NETWORK}
        env |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), **environ}
        command = [sys.executable, "-m", "invoke", "manifests"]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    return run


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks4://127.0.0.1:1"),
        ("https_proxy", "http://[::1"),
        ("HTTPS_PROXY", "http://me:geheim@p:port"),
        ("SSL_CERT_FILE", "/no/such"),
        ("SSL_CERT_DIR", "/etc/passwd"),
        ("REQUESTS_CA_BUNDLE", "/etc/passwd"),
    ],
)
def test_a_bad_setting_is_a_mistake_of_the_user(manifests: Manifests, variable: str, value: str) -> None:
    code, said = manifests("registry.example", **{variable: value})

    assert code == 2
    assert said.startswith(f"error: {variable}: ")
    assert len(said.splitlines()) == 1
    assert "geheim" not in said


# homeassistant-ai/ha-mcp#449
def test_a_socks_proxy_that_is_down_is_named(manifests: Manifests) -> None:
    code, said = manifests("registry.example", ALL_PROXY="socks5h://127.0.0.1:1")

    assert code == 1
    assert "(through the proxy socks5h://127.0.0.1:1 of ALL_PROXY)" in said
    assert "Traceback" not in said


# golang/go#28866, encode/httpx#3221
@pytest.mark.parametrize("no_proxy", ["", "[::1", "localhost,[::1],fd00::/8"])
def test_a_registry_on_loopback_is_asked_directly(manifests: Manifests, no_proxy: str) -> None:
    dead = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:5056")
    code, said = manifests("localhost:1", **dead, NO_PROXY=no_proxy)

    assert code == 1
    assert "Connection refused" in said
    assert "proxy" not in said
