"""The real `invoke doctor`: its exit code and output, with a registry, a proxy and servers that never answer."""

import json
import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.builders.push_session import copied_checkout, invoke
from tests.support.checkout import ROOT
from tests.support.servers.registry_server import PASSWORD, USER, registry_server
from tests.support.servers.tinyproxy_server import tinyproxy_server

PLANTED = {
    "INVOKE_REGISTRY_USERNAME": USER,
    "INVOKE_REGISTRY_PASSWORD": PASSWORD,
    "INVOKE_GITOPS_TOKEN": "planted-gitops-token",
    "INVOKE_RELEASE_TOKEN": "planted-release-token",
    "HTTPS_PROXY": "http://proxyuser:planted-proxy-password@127.0.0.1:1",
    "OS_AUTH_URL": "http://127.0.0.1:1/v3",
    "OS_USERNAME": "planted",
    "OS_PASSWORD": "planted-swift-password",
    "KEY": "-----BEGIN PRIVATE KEY-----\nplanted-key\n-----END PRIVATE KEY-----\n",
}
# The limit of all checks together, and seconds for a busy machine to start Python.
LONGEST = 15 + 60


Found = Mapping[str, list[tuple[str, str, str]]]


@dataclass(frozen=True)
class Examined:
    """The output of `invoke doctor --json`: its exit code, and the state, text and remedy of each finding by subject."""

    code: int
    found: Found

    def state(self, subject: str) -> str:
        return self.found[subject][0][0]

    def words(self, subject: str) -> str:
        return " ".join(f"{text} {remedy}" for _, text, remedy in self.found[subject])


def checkout(folder: Path, host: str = "localhost:1", more: str = "") -> Path:
    """Return a copy of the checkout with a registry, and more lines in component.yaml."""
    copied_checkout(host, folder)
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    with (folder / "component.yaml").open("a") as file:
        file.write(more)
    return folder


def examined(folder: Path, **environ: str) -> Examined:
    done = invoke(folder, "doctor", "--json", "--cache-dir", str(folder.with_name("cache")), environ=environ)
    found: dict[str, list[tuple[str, str, str]]] = {}
    for row in json.loads(done.stdout)["findings"]:
        found.setdefault(row["subject"], []).append((row["state"], row["text"], row["remedy"]))
    return Examined(done.returncode, found)


def test_a_registry_with_a_login_and_a_proxy_that_runs_are_ok(tmp_path: Path) -> None:
    login = {"INVOKE_REGISTRY_USERNAME": USER, "INVOKE_REGISTRY_PASSWORD": PASSWORD}
    with (
        registry_server(tmp_path / "registry", password=True) as server,
        tinyproxy_server(tmp_path / "proxy", {}) as proxy,
    ):
        done = examined(checkout(tmp_path / "checkout", server.host), HTTPS_PROXY=proxy.address, **login)

    assert (done.state("engine"), done.state("registry"), done.state("disk")) == ("ok", "ok", "ok"), done
    assert f"https:// through {proxy.address} of HTTPS_PROXY" in done.words("network")
    assert done.state("signing key") == "skipped"


def test_servers_that_never_answer_do_not_hang_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as dead:
        host = f"127.0.0.1:{dead.getsockname()[1]}"
        began = time.monotonic()
        done = examined(checkout(tmp_path / "checkout", host), DOCKER_HOST=f"tcp://{host}")

    assert time.monotonic() - began < LONGEST
    assert (done.code, done.state("engine"), done.state("registry")) == (1, "error", "error"), done


def test_a_component_that_is_invalid_is_told_beside_the_machine(tmp_path: Path) -> None:
    done = examined(checkout(tmp_path / "checkout", more="nonsense: true\n"))

    assert (done.code, done.state("configuration")) == (1, "error"), done
    assert "component.yaml:" in done.words("configuration")
    assert done.state("engine") == "ok"
    assert "registry" not in done.found


def test_no_planted_secret_is_shown(tmp_path: Path) -> None:
    more = "attest: {key: 'env:KEY', publicKey: attest.pub, builder: 'urn:test'}\nrelease: {forge: github}\n"
    with registry_server(tmp_path / "registry", password=True) as server:
        folder = checkout(tmp_path / "checkout", server.host, more)
        shown = [
            invoke(folder, "doctor", *words, "--debug", "--cache-dir", str(tmp_path / "cache"), environ=PLANTED)
            for words in ([], ["--json"])
        ]

    printed = "\n".join(done.stdout + done.stderr for done in shown)
    assert [done.returncode for done in shown] == [1, 1]
    assert "of HTTPS_PROXY does not answer" in printed
    assert [secret for secret in (PASSWORD, "planted-") if secret in printed] == []
