"""Every secret that the commands get, planted and then looked for in all that they print and write."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders.push_session import COMBINATION, invoke
from tests.support.builders.signed_image import PHRASE, SigningCheckout
from tests.support.servers.registry_server import PASSWORD, USER, RegistryServer, registry_server

PLANTED = {
    "INVOKE_REGISTRY_USERNAME": USER,
    "INVOKE_REGISTRY_PASSWORD": PASSWORD,
    "INVOKE_GITOPS_TOKEN": "planted-gitops-token",
    "HTTPS_PROXY": "http://proxyuser:planted-proxy-password@127.0.0.1:1",
    "OS_PASSWORD": "planted-swift-password",
    "NO_PROXY": "127.0.0.1,localhost",
}
COMMANDS = (
    ("push", "--only", COMBINATION.id),
    ("push", "--only", COMBINATION.id),
    ("status", "--only", COMBINATION.id),
    ("report", "--only", COMBINATION.id),
    ("bump-gitops", "--only", COMBINATION.id),
    ("verify", "--published", "REFERENCE"),
    ("attest", "--show", "REFERENCE"),
    ("reproduce", "REFERENCE"),
    ("release", "--version", "9.9.9", "--dry-run"),
    ("prune", "--registry", "--dry-run"),
    ("doctor",),
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    with registry_server(tmp_path / "registry", password=True) as running:
        yield running


def test_no_planted_secret_is_printed_or_written(signing: SigningCheckout) -> None:
    environ = {**signing.environ, **PLANTED}
    # The second line of PEM is the beginning of the key itself.
    secrets = (PASSWORD, PHRASE, "planted-", Path(signing.environ["KEY"]).read_text().splitlines()[1])
    cache = str(signing.cache.root)
    reference = f"{signing.host}/system-services/nvidia-installer:{COMBINATION.branch}-{COMBINATION.release}"
    said = []
    for command in COMMANDS:
        words = [word.replace("REFERENCE", reference) for word in command]
        options = () if words[0] in ("attest", "verify") else ("--cache-dir", cache)
        done = invoke(signing.folder, *words, *options, "--debug", environ=environ)
        said.append(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
    printed = "\n".join(said)

    assert f"'push', '--only', '{COMBINATION.id}']: 0" in printed, printed
    assert "verified" in printed, printed
    assert "/v2/" in printed, "requests are shown"
    assert "sbom (CycloneDX)" in (signing.folder / "build/report/index.html").read_text()
    assert [secret for secret in secrets if secret in printed] == []
    assert list(files_with(secrets, [signing.folder, signing.cache.root])) == []


def files_with(secrets: tuple[str, ...], folders: list[Path]) -> Iterator[str]:
    """Yield the files that contain a secret. The cache's inputs, behind a link, were there before."""
    for folder in folders:
        for root, _, names in os.walk(folder):
            for name in names:
                content = Path(root, name).read_bytes()
                yield from (f"{root}/{name}: {secret}" for secret in secrets if secret.encode() in content)
